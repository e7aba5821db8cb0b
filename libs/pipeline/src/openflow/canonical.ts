import { exactMask, ones, referenceBits } from './fields';
import { FIELDS, type Action, type Field, type FieldMatch, type Flow, type Match, type SubField } from './flow';
import { portOf, portNumber } from './ports';

/**
 * One spelling for flows that mean the same, so that what was sent can be compared with what the switch gives back:
 * Open vSwitch drops bits outside a mask, reports all-ones masks as exact, splits a masked set into several, orders
 * fields its own way and numbers reserved ports with 16 or 32 bits.
 */

const ORDER = new Map<string, number>(FIELDS.map((field, index) => [field, index]));

/** The CFI bit of `vlan_tci`: set in every tagged frame, clear in every other. */
const VLAN_PRESENT = 0x1000n;
const VLAN_WITHOUT_PRIORITY = 0x1fffn;

/** The fields of a match, in the order of `FIELDS`, which satisfies the prerequisites of OpenFlow. */
export function matchFields(match: Match): Field[] {
  const fields: Field[] = [];
  let last = -1;
  let inOrder = true;
  for (const field of Object.keys(match) as Field[]) {
    if (match[field] === undefined) continue;
    const place = ORDER.get(field) ?? 0;
    inOrder &&= place > last;
    last = place;
    fields.push(field);
  }
  return inOrder ? fields : fields.sort((a, b) => (ORDER.get(a) ?? 0) - (ORDER.get(b) ?? 0));
}

/** Value and mask of one field of a match, in its canonical spelling; mask 0 means that the field says nothing. */
export function fieldMatch(field: Field, match: FieldMatch): { readonly value: bigint; readonly mask: bigint } {
  const exact = exactMask(field);
  let value: bigint;
  let mask = exact;
  if (typeof match === 'bigint') value = match;
  else ({ value, mask } = match);
  mask &= exact;
  if (field === 'vlan_tci' && (mask & VLAN_PRESENT) !== 0n && (value & VLAN_PRESENT) === 0n) {
    mask &= VLAN_WITHOUT_PRIORITY; // a frame without a tag has no priority to match
  }
  if (field === 'in_port') value = BigInt(portNumber(Number(value)));
  return { value: value & mask, mask };
}

/** The match with one spelling: fields in order, no bits outside masks, no masks that are exact or empty. */
export function canonicalMatch(match: Match): Match {
  const result: { [F in Field]?: FieldMatch } = {};
  for (const field of matchFields(match)) {
    const { value, mask } = fieldMatch(field, match[field] as FieldMatch);
    if (mask === 0n) continue;
    result[field] = mask === exactMask(field) ? value : { value, mask };
  }
  return result;
}

type SetField = Extract<Action, { type: 'set_field' }>;

function setField(field: Field, value: bigint, mask: bigint): SetField {
  return mask === exactMask(field)
    ? { type: 'set_field', field, value }
    : { type: 'set_field', field, value: value & mask, mask };
}

function canonicalAction(action: Action): Action | undefined {
  switch (action.type) {
    case 'set_field': {
      const exact = exactMask(action.field);
      const mask = (action.mask ?? exact) & exact;
      if (action.field === 'in_port') return setField('in_port', BigInt(portNumber(Number(action.value))), exact);
      if (mask === exact) return { type: 'set_field', field: action.field, value: action.value };
      return mask === 0n ? undefined : setField(action.field, action.value, mask);
    }
    case 'output':
      return { type: 'output', port: typeof action.port === 'number' ? portOf(action.port) : action.port };
    case 'ct': {
      const exec = canonicalActions(action.exec ?? []);
      return {
        type: 'ct',
        ...(action.commit ? { commit: true } : {}),
        zone: action.zone,
        ...(action.table === undefined ? {} : { table: action.table }),
        ...(exec.length > 0 ? { exec } : {}),
      };
    }
    default:
      return action;
  }
}

/** Actions with one spelling; sets of the same field that follow each other are one set. */
export function canonicalActions(actions: readonly Action[]): Action[] {
  const result: Action[] = [];
  for (const action of actions) {
    const next = canonicalAction(action);
    if (next === undefined) continue;
    const last = result.at(-1);
    if (next.type === 'set_field' && last?.type === 'set_field' && last.field === next.field) {
      const exact = exactMask(next.field);
      const mask = next.mask ?? exact;
      result[result.length - 1] = setField(next.field, (last.value & ~mask) | next.value, (last.mask ?? exact) | mask);
    } else {
      result.push(next);
    }
  }
  return result;
}

/** The flow in its one spelling: two flows that are the same entry with the same effect become deeply equal. */
export function canonicalFlow(flow: Flow): Flow {
  return {
    table: flow.table,
    priority: flow.priority,
    cookie: flow.cookie,
    match: canonicalMatch(flow.match),
    ...(flow.unknownMatch && flow.unknownMatch.length > 0 ? { unknownMatch: [...flow.unknownMatch].sort() } : {}),
    actions: canonicalActions(flow.actions),
    ...(flow.hardTimeout ? { hardTimeout: flow.hardTimeout } : {}),
    ...(flow.idleTimeout ? { idleTimeout: flow.idleTimeout } : {}),
  };
}

// Flows are immutable, and the same desired flows are compared after every change: their text is made once.
const keys = new WeakMap<Flow, string>();
const effects = new WeakMap<Flow, string>();

function memo(cache: WeakMap<Flow, string>, flow: Flow, make: (flow: Flow) => string): string {
  let text = cache.get(flow);
  if (text === undefined) {
    text = make(flow);
    cache.set(flow, text);
  }
  return text;
}

function makeKey(flow: Flow): string {
  let text = `${flow.table},${flow.priority}`;
  for (const field of matchFields(flow.match)) {
    const { value, mask } = fieldMatch(field, flow.match[field] as FieldMatch);
    if (mask === 0n) continue;
    text += `,${field}=${value.toString(16)}`;
    if (mask !== exactMask(field)) text += `/${mask.toString(16)}`;
  }
  for (const hex of [...(flow.unknownMatch ?? [])].sort()) text += `,?${hex}`;
  return text;
}

/** The identity of a flow entry: table, priority and match. A switch holds at most one flow of each key. */
export function flowKey(flow: Flow): string {
  return memo(keys, flow, makeKey);
}

const subField = (s: SubField): string => `${s.field}[${s.offset}+${s.bits}]`;

function actionText(action: Action): string {
  switch (action.type) {
    case 'output':
      return `output:${action.port}`;
    case 'output_reg':
      return `output_reg:${subField(action.source)}`;
    case 'set_field':
      return `set:${action.field}=${action.value.toString(16)}/${action.mask?.toString(16) ?? ''}`;
    case 'move':
      return `move:${subField(action.source)}>${subField(action.target)}`;
    case 'push':
      return `push:${subField(action.source)}`;
    case 'pop':
      return `pop:${subField(action.target)}`;
    case 'ct': {
      const zone = typeof action.zone === 'number' ? action.zone : subField(action.zone);
      return `ct(${action.commit ?? ''},${zone},${action.table ?? ''},${(action.exec ?? []).map(actionText).join(';')})`;
    }
    case 'resubmit':
    case 'goto':
      return `${action.type}:${action.table}`;
    case 'meter':
      return `meter:${action.meter}`;
    case 'unknown':
      return `${action.kind}:${action.hex}`;
    case 'push_vlan':
    case 'pop_vlan':
    case 'dec_ttl':
      return action.type;
  }
}

function makeEffect(flow: Flow): string {
  const actions = canonicalActions(flow.actions).map(actionText).join(';');
  return `${flow.cookie.toString(16)},${flow.hardTimeout ?? 0},${flow.idleTimeout ?? 0},${actions}`;
}

/** What a flow does, apart from where it stands: cookie, time-outs and actions as one comparable text. */
export function flowEffect(flow: Flow): string {
  return memo(effects, flow, makeEffect);
}

/** Whether two flows are the same entry with the same cookie, time-outs and actions, however they are spelled. */
export function sameFlow(a: Flow, b: Flow): boolean {
  return a === b || (flowKey(a) === flowKey(b) && flowEffect(a) === flowEffect(b));
}

/** The bits that a part of a field covers, as a mask over the whole field. */
export function subFieldMask(part: SubField): bigint {
  return ones(part.bits) << BigInt(part.offset);
}

/** A whole field as a part of itself. */
export function wholeField(field: Field): SubField {
  return { field, offset: 0, bits: referenceBits(field) };
}

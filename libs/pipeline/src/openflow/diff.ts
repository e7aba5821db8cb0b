import { HeddleError } from '@heddle/model';
import { flowKey, flowEffect } from './canonical';
import type { Flow } from './flow';
import { formatFlow } from './format';

/** A change of a switch's flow tables. Each flow stands for its entry: table, priority and match. */
export interface FlowChange {
  /** Entries that are not there yet. */
  readonly add: readonly Flow[];
  /** Entries that are there with another cookie, time-out or actions. Counters go on. */
  readonly modify: readonly Flow[];
  /** Entries to take away, as they are on the switch. */
  readonly remove: readonly Flow[];
}

/** A change, and the desired flows that it leaves out because another program's flow is in their place. */
export interface FlowDiff extends FlowChange {
  readonly conflicts: readonly { readonly desired: Flow; readonly actual: Flow }[];
}

function byKey(flows: readonly Flow[]): Map<string, Flow> {
  const map = new Map<string, Flow>();
  for (const flow of flows) {
    const key = flowKey(flow);
    const other = map.get(key);
    if (other !== undefined && flowEffect(other) !== flowEffect(flow)) {
      throw new HeddleError(
        'invalid',
        `two different flows for one entry: "${formatFlow(other)}" and "${formatFlow(flow)}". ` +
          'A table holds one flow for each priority and match; give one of them another priority.',
      );
    }
    map.set(key, flow);
  }
  return map;
}

/**
 * What must change on a switch that holds `actual` so that it holds `desired`. Only flows that `owned` claims are ever
 * modified or removed; a desired flow whose entry belongs to another program is reported in `conflicts`.
 *
 * @throws HeddleError `invalid` when `desired` holds two different flows for one entry.
 */
export function diffFlows(actual: readonly Flow[], desired: readonly Flow[], owned: (flow: Flow) => boolean): FlowDiff {
  const wanted = byKey(desired);
  const add: Flow[] = [];
  const modify: Flow[] = [];
  const remove: Flow[] = [];
  const conflicts: { desired: Flow; actual: Flow }[] = [];

  const present = new Map(actual.map((flow) => [flowKey(flow), flow]));
  for (const [key, flow] of wanted) {
    const there = present.get(key);
    if (there === undefined) add.push(flow);
    else if (flowEffect(there) === flowEffect(flow)) continue;
    else if (owned(there)) modify.push(flow);
    else conflicts.push({ desired: flow, actual: there });
  }
  for (const [key, flow] of present) {
    if (!wanted.has(key) && owned(flow)) remove.push(flow);
  }
  return { add, modify, remove, conflicts };
}

/** Whether a change does nothing. */
export function isEmptyChange(change: FlowChange): boolean {
  return change.add.length === 0 && change.modify.length === 0 && change.remove.length === 0;
}

/** The flows that a switch which holds `flows` holds after `change`. */
export function applyChange(flows: readonly Flow[], change: FlowChange): Flow[] {
  const map = new Map(flows.map((flow) => [flowKey(flow), flow]));
  for (const flow of change.remove) map.delete(flowKey(flow));
  for (const flow of [...change.add, ...change.modify]) map.set(flowKey(flow), flow);
  return [...map.values()];
}

import { dropReasonOf, type DropReason } from '../cookie';
import { flowEffect, matchFields } from '../openflow/canonical';
import { exactMask, ones } from '../openflow/fields';
import type { Action, Field, FieldMatch, Flow, SubField } from '../openflow/flow';
import { formatFlow } from '../openflow/format';
import { portNumber } from '../openflow/ports';
import { TABLES_BY_NUMBER } from '../tables';

/** A frame as it comes in at a port; fields that are not given are zero. */
export interface TestFrame {
  readonly inPort: number;
  /** The 802.1Q headers, outermost first, as their 16 bits without the bit that says there is one. */
  readonly vlans?: readonly number[];
  readonly fields: { readonly [F in Field]?: bigint };
}

export interface Outcome {
  /** What left, and by which port; a port that the frame came in at only counts if it was meant. */
  readonly outputs: readonly { readonly port: number; readonly vlans: readonly number[]; readonly fields: Fields }[];
  /** Whether the controller was shown the packet. */
  readonly shown: boolean;
  /** Names of the tables it met. */
  readonly path: readonly string[];
  /** The flow of each of these that took it; none where a table has none. */
  readonly met: readonly Flow[];
  /** Why it was dropped, if a fixed flow says so. */
  readonly reason: DropReason | undefined;
}
export type Fields = { [F in Field]?: bigint };

export interface SimulationOptions {
  /** What connection tracking says. */
  readonly state?: 'new' | 'established' | 'reply';
  /** How many 802.1Q headers the switch looks behind (`vlan-limit` of Open vSwitch). */
  readonly vlanLimit?: 1 | 2;
}

const CT_STATES = { new: 0x21n, established: 0x22n, reply: 0x2an } as const;
const TAG = 0x1000n;

/**
 * What Open vSwitch does with a frame, as far as our flows ask for it. Other than the switch, it refuses tables in which two
 * flows of one priority match and do different things.
 */
export function simulate(flows: readonly Flow[], frame: TestFrame, options: SimulationOptions = {}): Outcome {
  const run = new Run(flows, frame, options);
  run.table(0);
  const last = run.met.at(-1);
  return {
    outputs: run.outputs,
    shown: run.shown,
    path: run.path,
    met: run.met,
    reason: last?.actions.every(isNoDelivery) ? dropReasonOf(last.cookie) : undefined,
  };
}

const isNoDelivery = (action: Action): boolean =>
  action.type === 'meter' || (action.type === 'output' && action.port === 'controller');

class Run {
  readonly outputs: Outcome['outputs'][number][] = [];
  readonly path: string[] = [];
  shown = false;
  readonly met: Flow[] = [];
  private readonly fields: Fields;
  private readonly vlans: bigint[];
  private readonly stack: bigint[] = [];

  constructor(
    private readonly flows: readonly Flow[],
    private readonly frame: TestFrame,
    private readonly options: SimulationOptions,
  ) {
    this.fields = { ...frame.fields, in_port: BigInt(frame.inPort) };
    this.vlans = (frame.vlans ?? []).map(BigInt);
  }

  table(number: number): void {
    this.path.push(TABLES_BY_NUMBER.get(number) ?? String(number));
    const flow = this.lookUp(number);
    if (flow) this.met.push(flow);
    for (const action of flow?.actions ?? []) {
      if (action.type === 'goto') return this.table(action.table);
      if (action.type === 'ct' && action.table !== undefined) return this.track(action.table);
      this.act(action);
    }
  }

  private lookUp(number: number): Flow | undefined {
    let found: Flow | undefined;
    for (const flow of this.flows) {
      if (flow.table !== number || (found && flow.priority < found.priority) || !this.matches(flow)) continue;
      if (found?.priority === flow.priority && flowEffect(found) !== flowEffect(flow))
        throw new Error(`one frame matches "${formatFlow(found)}" and "${formatFlow(flow)}"`);
      found = flow;
    }
    return found;
  }

  private matches({ match }: Flow): boolean {
    return matchFields(match).every((field) => {
      const wanted = match[field] as FieldMatch;
      const { value, mask } = typeof wanted === 'bigint' ? { value: wanted, mask: exactMask(field) } : wanted;
      return (this.read(field) & mask) === (value & mask);
    });
  }

  private read(field: Field): bigint {
    const [outer] = this.vlans;
    if (field === 'vlan_tci') return outer === undefined ? 0n : outer | TAG;
    if (field === 'eth_type' && this.vlans.length > (this.options.vlanLimit ?? 1)) return 0x8100n;
    return this.fields[field] ?? 0n;
  }

  private write(field: Field, value: bigint, mask: bigint): void {
    const next = (this.read(field) & ~mask) | (value & mask);
    if (field !== 'vlan_tci') this.fields[field] = next;
    else if (this.vlans.length > 0) this.vlans[0] = next & ~TAG;
    else throw new Error('a VLAN is set on an untagged frame');
  }

  private track(table: number): void {
    this.fields.ct_state = CT_STATES[this.options.state ?? 'new'];
    this.fields.ct_nw_proto = this.read('ip_proto');
    this.fields.ct_tp_src = this.read('tcp_src') | this.read('udp_src');
    this.fields.ct_tp_dst = this.read('tcp_dst') | this.read('udp_dst');
    this.table(table);
  }

  private act(action: Action): void {
    switch (action.type) {
      case 'set_field':
        return this.write(action.field, action.value, action.mask ?? exactMask(action.field));
      case 'move':
        return this.write(action.target.field, this.part(action.source) << shift(action.target), bitsOf(action.target));
      case 'push':
        return void this.stack.push(this.part(action.source));
      case 'pop':
        return this.write(action.target.field, (this.stack.pop() ?? 0n) << shift(action.target), bitsOf(action.target));
      case 'push_vlan':
        return void this.vlans.unshift(0n);
      case 'pop_vlan':
        return void this.vlans.shift();
      case 'dec_ttl':
        return this.write('nw_ttl', this.read('nw_ttl') - 1n, 0xffn);
      case 'output':
        if (action.port === 'controller') this.shown = true;
        else if (action.port === 'in_port') this.send(this.frame.inPort);
        else if (portNumber(action.port) !== this.frame.inPort) this.send(portNumber(action.port));
        return;
      case 'output_reg': {
        const port = Number(this.part(action.source));
        if (port !== this.frame.inPort) this.send(port);
        return;
      }
      case 'meter':
      case 'ct':
        return;
      default:
        throw new Error(`the simulation knows no ${action.type}`);
    }
  }

  private send(port: number): void {
    this.outputs.push({ port, vlans: this.vlans.map(Number), fields: { ...this.fields } });
  }

  private part(part: SubField): bigint {
    return (this.read(part.field) >> shift(part)) & ones(part.bits);
  }
}

const shift = ({ offset }: SubField): bigint => BigInt(offset);
const bitsOf = (part: SubField): bigint => ones(part.bits) << shift(part);

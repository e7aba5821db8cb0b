import { HeddleError } from '@heddle/model';
import { applyChange, flowKey, type Flow, type FlowChange, type FlowStats } from '@heddle/pipeline';
import { FlowCommand, readFlowMod, writeFlowMod } from './codec/flow-mod';
import type { FlowFilter } from './codec/multipart';
import type { PacketIn, PacketOut } from './codec/packets';
import { Writer } from './codec/writer';
import { OWNER_MASK, type Switch } from './switch';

const ALL_BITS = 0xffff_ffff_ffff_ffffn;

/**
 * A switch in memory with the semantics of the real one, for tests of what uses it. Flows go through the wire format,
 * so one that cannot be encoded fails here as well, and what is dumped has lost what a real switch would lose.
 */
export class FakeSwitch implements Switch {
  connected = true;
  /** Every change that was applied, in order. */
  readonly applied: FlowChange[] = [];
  /** Packets that were sent out. */
  readonly sent: PacketOut[] = [];
  /** What it says that it has; empty stands for a datapath without meters. */
  meters: ReadonlySet<number> = new Set();
  private flows: readonly FlowStats[] = [];
  private failures: Error[] = [];
  private readonly onConnectedListeners = new Set<() => void>();
  private readonly onDisconnectedListeners = new Set<(reason: Error) => void>();
  private readonly onPacketInListeners = new Set<(packet: PacketIn) => void>();

  onConnected(listener: () => void): () => void {
    this.onConnectedListeners.add(listener);
    if (this.connected) listener();
    return () => void this.onConnectedListeners.delete(listener);
  }

  onDisconnected(listener: (reason: Error) => void): () => void {
    this.onDisconnectedListeners.add(listener);
    return () => void this.onDisconnectedListeners.delete(listener);
  }

  onPacketIn(listener: (packet: PacketIn) => void): () => void {
    this.onPacketInListeners.add(listener);
    return () => void this.onPacketInListeners.delete(listener);
  }

  async apply(change: FlowChange): Promise<void> {
    this.check();
    const present = new Map(this.flows.map((flow) => [flowKey(flow), flow]));
    const replace = (flow: Flow): FlowStats => {
      const { packets = 0n, bytes = 0n } = present.get(flowKey(flow)) ?? {};
      return { ...overTheWire(flow), packets, bytes };
    };
    const isOwned = (flow: Flow): boolean =>
      ((present.get(flowKey(flow))?.cookie ?? flow.cookie) & OWNER_MASK) === (flow.cookie & OWNER_MASK);
    this.flows = applyChange(this.flows, {
      add: change.add.map(replace),
      modify: change.modify.map(replace),
      remove: change.remove.filter(isOwned),
    }) as FlowStats[];
    this.applied.push(change);
  }

  async dump({ table, cookie, cookieMask = ALL_BITS }: FlowFilter = {}): Promise<FlowStats[]> {
    this.check();
    return this.flows.filter(
      (flow) =>
        (table === undefined || flow.table === table) &&
        (cookie === undefined || (flow.cookie & cookieMask) === (cookie & cookieMask)),
    );
  }

  async packetOut(packet: PacketOut): Promise<void> {
    if (!this.connected) throw new HeddleError('unavailable', 'the switch is not connected');
    this.sent.push(packet);
  }

  async close(): Promise<void> {
    this.disconnect(new HeddleError('unavailable', 'the switch was closed here'));
  }

  /** Makes the next call of `apply` or `dump` fail; several failures are used up in order. */
  failNext(error: Error = new HeddleError('refused', 'the switch was told to refuse')): void {
    this.failures.push(error);
  }

  /** Loses the connection; calls fail as `unavailable` until `connect`. */
  disconnect(reason: Error = new HeddleError('unavailable', 'the switch was told to hang up')): void {
    if (!this.connected) return;
    this.connected = false;
    for (const listener of this.onDisconnectedListeners) listener(reason);
  }

  /** Comes back after `disconnect`, with its flows. */
  connect(): void {
    if (this.connected) return;
    this.connected = true;
    for (const listener of this.onConnectedListeners) listener();
  }

  /** What a restart of the switch does: the connection is lost, the flows are gone, the switch comes back. */
  restart(): void {
    this.disconnect();
    this.flows = [];
    this.connect();
  }

  /** Delivers a packet as if a flow had sent it; without effect while disconnected. */
  receive(packet: PacketIn): void {
    if (!this.connected) return;
    for (const listener of this.onPacketInListeners) listener(packet);
  }

  /** Counts packets on the flow with the same table, priority and match. */
  count(flow: Flow, packets: bigint, bytes: bigint): void {
    const key = flowKey(flow);
    this.flows = this.flows.map((f) =>
      flowKey(f) === key ? { ...f, packets: f.packets + packets, bytes: f.bytes + bytes } : f,
    );
  }

  private check(): void {
    if (!this.connected) throw new HeddleError('unavailable', 'not connected to the fake switch');
    const failure = this.failures.shift();
    if (failure) throw failure;
  }
}

/** The flow as a switch reports it after it was sent. */
function overTheWire(flow: Flow): Flow {
  const out = new Writer();
  writeFlowMod(out, 1, FlowCommand.add, flow);
  return readFlowMod(out.finish());
}

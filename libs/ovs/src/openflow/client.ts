import { EventEmitter } from 'node:events';
import { HeddleError } from '@heddle/model';
import type { FlowChange, FlowStats } from '@heddle/pipeline';
import { Deadline } from '../connection/deadline';
import { Reconnector, type Backoff } from '../connection/reconnector';
import { connectUnix } from '../connection/unix-socket';
import { applyBundle } from './bundle';
import { OpenFlowError } from './codec/error';
import { encodeMessage, HEADER_BYTES, MessageType, type Message } from './codec/header';
import {
  encodeFlowRequest,
  encodeMultipart,
  encodePortStatsRequest,
  hasMore,
  Multipart,
  multipartBody,
  readFlowStats,
  type FlowFilter,
} from './codec/multipart';
import { encodeMeterMod, METER_EXISTS, MeterCommand, type Meter } from './codec/meter';
import { encodePacketOut, readPacketIn, type PacketIn, type PacketOut } from './codec/packets';
import {
  readPortCounters,
  readPortDescriptions,
  readPortStatus,
  type PortCounters,
  type PortDescription,
  type PortEvent,
} from './codec/ports';
import { encodeSetAsync, encodeSetConfig, readFeatures, type Features } from './codec/setup';
import { OpenFlowSession } from './session';

export interface OpenFlowClientOptions {
  /** The management socket of the bridge: `<rundir>/<bridge>.mgmt`. */
  readonly socketPath: string;
  /** Have packets that flows send to the controller delivered as `packetIn` events. */
  readonly packetIns?: boolean;
  /** Made on the switch in every new connection, before anybody hears of it: a restart of the switch loses them. */
  readonly meters?: readonly Meter[];
  /** Milliseconds for a request that says nothing else. */
  readonly deadlineMs?: number;
  readonly backoff?: Backoff;
  /** Give the switch up after twice this silence. */
  readonly probeIntervalMs?: number;
}

interface Events {
  connected: [];
  disconnected: [reason: Error];
  portStatus: [event: PortEvent, port: PortDescription];
  packetIn: [packet: PacketIn];
}

const DEFAULT_DEADLINE_MS = 10_000;
const DEFAULT_PROBE_MS = 5_000;

/**
 * An OpenFlow 1.4 connection to one bridge that stays up: it reconnects with backoff, and `connected` tells whoever
 * owns the flows to look at them again. Every request has a deadline, which includes waiting for a connection.
 */
export class OpenFlowClient extends EventEmitter<Events> {
  private readonly link: Reconnector<OpenFlowSession>;
  private readonly peer: string;
  private nextBundle = 1;
  /** The end of the bundle before: changes are made in the order in which they were asked for. */
  private lastBundle: Promise<void> = Promise.resolve();
  private switchFeatures: Features | undefined;
  private standingMeters: ReadonlySet<number> = new Set();

  constructor(private readonly options: OpenFlowClientOptions) {
    super();
    this.peer = `the switch at ${options.socketPath}`;
    this.link = new Reconnector(this.peer, (deadline) => this.open(deadline), options.backoff);
    this.link.on('connected', () => this.emit('connected'));
    this.link.on('disconnected', (reason) => this.emit('disconnected', reason));
  }

  get connected(): boolean {
    return this.link.connected;
  }

  /** What the switch said about itself when it was last connected. */
  get features(): Features | undefined {
    return this.switchFeatures;
  }

  /**
   * The ids of the meters that the switch took when it was last connected. A datapath without meters refuses them, and then
   * every flow that names one.
   */
  get meters(): ReadonlySet<number> {
    return this.standingMeters;
  }

  /** Starts connecting without waiting. */
  start(): void {
    this.link.start();
  }

  /** Starts connecting and waits until a connection stands. */
  async connect(deadlineMs = this.defaultDeadline): Promise<void> {
    await this.link.session(new Deadline(deadlineMs));
  }

  /** Ends the connection and every request that waits for an answer. */
  close(): Promise<void> {
    return this.link.stop();
  }

  /** One round trip that changes nothing. */
  async echo(deadlineMs?: number): Promise<void> {
    await this.request(
      (xid) => encodeMessage(MessageType.echoRequest, xid),
      () => true,
      'an echo',
      deadlineMs,
    );
  }

  /** Returns when the switch has executed everything that was sent before. */
  async barrier(deadlineMs?: number): Promise<void> {
    await this.request(encodeBarrier, () => true, 'a barrier', deadlineMs);
  }

  /** Changes the flow tables as a whole, see `Switch.apply`. */
  async applyBundle(change: FlowChange, deadlineMs = this.defaultDeadline): Promise<void> {
    const deadline = new Deadline(deadlineMs);
    const before = this.lastBundle;
    const mine = (async () => {
      await deadline.bound(before, 'waiting for the change before');
      const bundle = this.nextBundle++;
      await applyBundle(await this.link.session(deadline), bundle, change, deadline);
    })();
    this.lastBundle = mine.then(
      () => undefined,
      () => undefined, // its caller gets the error; the next change stands for itself
    );
    return mine;
  }

  /** The flows on the switch with their counters. */
  async dumpFlows(filter: FlowFilter = {}, deadlineMs?: number): Promise<FlowStats[]> {
    const flows: FlowStats[] = [];
    await this.multipart(
      (xid) => encodeFlowRequest(xid, filter),
      (body) => {
        for (const flow of readFlowStats(body)) flows.push(flow);
      },
      'a dump of flows',
      deadlineMs,
    );
    return flows;
  }

  /** The ports of the bridge. */
  async dumpPorts(deadlineMs?: number): Promise<PortDescription[]> {
    const ports: PortDescription[] = [];
    await this.multipart(
      (xid) => encodeMultipart(Multipart.portDescription, xid),
      (body) => void ports.push(...readPortDescriptions(body)),
      'a list of ports',
      deadlineMs,
    );
    return ports;
  }

  /** The counters of the ports of the bridge. */
  async dumpPortCounters(deadlineMs?: number): Promise<PortCounters[]> {
    const ports: PortCounters[] = [];
    await this.multipart(
      encodePortStatsRequest,
      (body) => void ports.push(...readPortCounters(body)),
      'port counters',
      deadlineMs,
    );
    return ports;
  }

  /**
   * Has the switch send a packet, and waits until it has taken it.
   *
   * @throws HeddleError `refused` when the switch did not take it.
   */
  async packetOut(packet: PacketOut, deadlineMs = this.defaultDeadline): Promise<void> {
    const deadline = new Deadline(deadlineMs);
    const session = await this.link.session(deadline);
    const refusal = await refusalOf(session, (xid) => encodePacketOut(xid, packet), deadline);
    if (refusal) throw refused(refusal);
  }

  private get defaultDeadline(): number {
    return this.options.deadlineMs ?? DEFAULT_DEADLINE_MS;
  }

  private async request(
    make: (xid: number) => Buffer,
    collect: (message: Message) => boolean,
    what: string,
    deadlineMs = this.defaultDeadline,
  ): Promise<void> {
    const deadline = new Deadline(deadlineMs);
    const session = await this.link.session(deadline);
    try {
      await session.request(make, collect, what, deadline);
    } catch (error) {
      throw error instanceof OpenFlowError ? refused(error) : error;
    }
  }

  private multipart(
    make: (xid: number) => Buffer,
    part: (body: Buffer) => void,
    what: string,
    deadlineMs?: number,
  ): Promise<void> {
    const collect = (message: Message): boolean => {
      part(multipartBody(message));
      return !hasMore(message);
    };
    return this.request(make, collect, what, deadlineMs);
  }

  private async open(deadline: Deadline): Promise<OpenFlowSession> {
    const session = new OpenFlowSession(await connectUnix(this.options.socketPath, deadline), {
      peer: this.peer,
      probeIntervalMs: this.options.probeIntervalMs ?? DEFAULT_PROBE_MS,
      onEvent: (message) => this.handleEvent(message),
    });
    try {
      await session.handshake(deadline);
      await session.send(encodeSetConfig(session.reserveXids(1)), deadline);
      await session.send(encodeSetAsync(session.reserveXids(1), this.options.packetIns ?? false), deadline);
      const features = (xid: number): Buffer => encodeMessage(MessageType.featuresRequest, xid);
      const keep = (message: Message): boolean => {
        this.switchFeatures = readFeatures(message);
        return true;
      };
      await session.request(features, keep, 'the features', deadline);
      this.standingMeters = await ensureMeters(session, this.options.meters ?? [], deadline);
      return session;
    } catch (error) {
      session.close(error instanceof Error ? error : new Error(String(error)));
      throw error;
    }
  }

  private handleEvent(message: Message): void {
    if (message.type === MessageType.packetIn) this.emit('packetIn', readPacketIn(message));
    else {
      const { event, port } = readPortStatus(message.bytes.subarray(HEADER_BYTES));
      this.emit('portStatus', event, port);
    }
  }
}

/** Sends what is answered only when it is refused, and waits until the switch has dealt with it. */
async function refusalOf(
  session: OpenFlowSession,
  make: (xid: number) => Buffer,
  deadline: Deadline,
): Promise<OpenFlowError | undefined> {
  const xid = session.reserveXids(1);
  let refusal: OpenFlowError | undefined;
  const unwatch = session.watchErrors(xid, 1, (_, error) => (refusal = error));
  try {
    await session.send(make(xid), deadline);
    await session.request(encodeBarrier, () => true, 'a barrier', deadline);
  } finally {
    unwatch();
  }
  return refusal;
}

/** Makes each meter be there as it should; the ids of those that the switch took. */
async function ensureMeters(
  session: OpenFlowSession,
  meters: readonly Meter[],
  deadline: Deadline,
): Promise<ReadonlySet<number>> {
  const standing = new Set<number>();
  for (const meter of meters) {
    const command = (kind: MeterCommand) => refusalOf(session, (xid) => encodeMeterMod(xid, kind, meter), deadline);
    let refusal = await command(MeterCommand.add);
    if (refusal?.reason === METER_EXISTS) refusal = await command(MeterCommand.modify);
    if (refusal === undefined) standing.add(meter.id);
  }
  return standing;
}

const encodeBarrier = (xid: number): Buffer => encodeMessage(MessageType.barrierRequest, xid);

function refused(error: OpenFlowError): HeddleError {
  return new HeddleError('refused', `the switch refused the request: ${error.reason}`, { cause: error });
}

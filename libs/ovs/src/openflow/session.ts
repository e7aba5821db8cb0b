import type { Socket } from 'node:net';
import { HeddleError } from '@heddle/model';
import type { Deadline } from '../connection/deadline';
import { SocketSession } from '../connection/socket-session';
import { readError, type OpenFlowError } from './codec/error';
import { MessageFramer } from './codec/framer';
import { encodeMessage, HEADER_BYTES, MessageType, type Message } from './codec/header';
import { checkHello, encodeHello } from './codec/setup';

export interface SessionOptions {
  /** What the switch is called in errors. */
  readonly peer: string;
  /** Messages that answer nothing: packet-ins and port changes. */
  readonly onEvent: (message: Message) => void;
  /** Ask for a sign of life after so much silence, and give the switch up after as long again. */
  readonly probeIntervalMs: number;
}

/** Looks at a message with the xid of a request; true when the answer is complete. */
type Collector = (message: Message) => boolean;

interface Pending {
  readonly collect: Collector;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Who wants to know of errors about a run of xids. */
interface Watcher {
  readonly first: number;
  readonly last: number;
  readonly onError: (xid: number, error: OpenFlowError) => void;
}

const MAX_XID = 0xffffffff;

/** One OpenFlow connection: requests and their answers by xid, echo both ways. */
export class OpenFlowSession extends SocketSession {
  private readonly framer = new MessageFramer();
  private readonly pending = new Map<number, Pending>();
  private readonly watchers = new Set<Watcher>();
  private nextXid = 1;
  private onHello: ((message: Message) => void) | undefined;

  constructor(
    socket: Socket,
    private readonly options: SessionOptions,
  ) {
    super(socket, options.peer, options.probeIntervalMs);
  }

  /** Exchanges hellos and agrees on the version. */
  async handshake(deadline: Deadline): Promise<void> {
    const hello = new Promise<void>((resolve, reject) => {
      this.onHello = (message) => {
        try {
          checkHello(message);
          resolve();
        } catch (error) {
          reject(HeddleError.from(error));
        }
      };
      void this.closed.then((reason) => reject(this.lost(reason)));
    });
    this.socket.write(encodeHello(0));
    await deadline.bound(hello, `the OpenFlow handshake with ${this.peer}`);
  }

  /** The first of `count` xids that nothing else uses. */
  reserveXids(count: number): number {
    if (this.nextXid + count > MAX_XID) this.nextXid = 1;
    const first = this.nextXid;
    this.nextXid += count;
    return first;
  }

  /**
   * Sends a request and gives its answers to `collect` until that says the answer is complete.
   *
   * @throws OpenFlowError what the switch answered instead; HeddleError `unavailable` or `deadline`.
   */
  async request(make: (xid: number) => Buffer, collect: Collector, what: string, deadline: Deadline): Promise<void> {
    this.assertOpen();
    const xid = this.reserveXids(1);
    const message = make(xid);
    const answer = new Promise<void>((resolve, reject) => this.pending.set(xid, { collect, resolve, reject }));
    this.socket.write(message);
    await deadline.bound(answer, `${what} at ${this.peer}`, () => this.pending.delete(xid));
  }

  /** Sends bytes that get no answer unless they are wrong, waiting while the socket is full. */
  async send(bytes: Buffer, deadline: Deadline): Promise<void> {
    this.assertOpen();
    if (this.socket.write(bytes)) return;
    const { socket } = this;
    let drained: (() => void) | undefined;
    const ready = new Promise<void>((resolve) => {
      drained = resolve;
      socket.once('drain', drained);
      void this.closed.then(() => resolve());
    });
    await deadline.bound(ready, `sending to ${this.peer}`, () => drained && socket.off('drain', drained));
    this.assertOpen();
  }

  /** Reports errors about messages with these xids until the returned function is called. */
  watchErrors(first: number, count: number, onError: Watcher['onError']): () => void {
    const watcher = { first, last: first + count - 1, onError };
    this.watchers.add(watcher);
    return () => void this.watchers.delete(watcher);
  }

  protected override receive(chunk: Buffer): void {
    for (const message of this.framer.push(chunk)) this.handle(message);
  }

  protected override sendProbe(): void {
    this.socket.write(encodeMessage(MessageType.echoRequest, this.reserveXids(1)));
  }

  protected override failPending(error: Error): void {
    for (const pending of this.pending.values()) pending.reject(error);
    this.pending.clear();
  }

  private handle(message: Message): void {
    switch (message.type) {
      case MessageType.hello:
        this.onHello?.(message);
        return;
      case MessageType.echoRequest:
        this.socket.write(
          encodeMessage(MessageType.echoReply, message.xid, (out) => out.bytes(message.bytes.subarray(HEADER_BYTES))),
        );
        return;
      case MessageType.error:
        this.handleError(message);
        return;
      case MessageType.packetIn:
      case MessageType.portStatus:
        this.options.onEvent(message);
        return;
      default:
        this.answer(message);
    }
  }

  private answer(message: Message): void {
    const pending = this.pending.get(message.xid);
    if (pending === undefined) return; // an answer that came after its deadline, or to a probe
    try {
      if (!pending.collect(message)) return;
      pending.resolve();
    } catch (error) {
      pending.reject(error instanceof Error ? error : new Error(String(error)));
    }
    this.pending.delete(message.xid);
  }

  private handleError(message: Message): void {
    const error = readError(message);
    const pending = this.pending.get(message.xid);
    if (pending !== undefined) {
      this.pending.delete(message.xid);
      pending.reject(error);
      return;
    }
    for (const { first, last, onError } of this.watchers) {
      if (message.xid >= first && message.xid <= last) onError(message.xid, error);
    }
  }
}

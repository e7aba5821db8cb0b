import { systemClock, type Clock } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import { nobodyAnswers } from '../bus/stream-reader';
import { Listeners, type Unsubscribe } from '../listeners';
import { subjectMatches } from '../subjects';
import type { ConnectionState, RawMessage, RawSubscription, Transport } from '../transport';
import { headersSize, type Headers } from '../wire';

/** What happens to one message on its way; a number delays it by that many milliseconds, so that others overtake it. */
export type Fate = 'deliver' | 'drop' | 'duplicate' | number;

interface Subscriber {
  readonly owner: MemoryTransport;
  readonly pattern: string;
  readonly queue?: string;
  readonly onMessage: (message: RawMessage) => void;
}

/** Delivers messages between {@link MemoryTransport}s as a NATS server would, with faults on demand. */
export class MemoryHub {
  private readonly transports = new Set<MemoryTransport>();
  private readonly subscribers = new Set<Subscriber>();
  private turn = 0;
  private up = true;
  /** Decides the fate of every message; for tests that lose and reorder. */
  intercept: (message: RawMessage) => Fate = () => 'deliver';

  constructor(
    readonly clock: Clock = systemClock,
    readonly maxPayload = 1_048_576,
  ) {}

  connect(): MemoryTransport {
    const transport = new MemoryTransport(this);
    this.transports.add(transport);
    return transport;
  }

  get isUp(): boolean {
    return this.up;
  }

  /** The server goes away: everybody is disconnected, messages under way are lost. */
  down(): void {
    this.up = false;
    for (const transport of this.transports) transport.become('disconnected');
  }

  /** The server is back: everybody is connected again, subscriptions as before. */
  restart(): void {
    this.up = true;
    for (const transport of this.transports) transport.become('connected');
  }

  /** @internal */
  add(subscriber: Subscriber): void {
    this.subscribers.add(subscriber);
  }

  /** @internal */
  remove(subscriber: Subscriber): void {
    this.subscribers.delete(subscriber);
  }

  /** @internal */
  removeAll(owner: MemoryTransport): void {
    this.transports.delete(owner);
    for (const subscriber of this.subscribers) if (subscriber.owner === owner) this.subscribers.delete(subscriber);
  }

  /** @internal */
  send(message: RawMessage): void {
    const fate = this.intercept(message);
    if (fate === 'drop') return;
    if (typeof fate === 'number') {
      this.clock.after(fate, () => this.deliver(message));
      return;
    }
    queueMicrotask(() => this.deliver(message));
    if (fate === 'duplicate') queueMicrotask(() => this.deliver(message));
  }

  private deliver(message: RawMessage): void {
    if (!this.up) return;
    const groups = new Map<string, Subscriber[]>();
    let found = false;
    for (const subscriber of [...this.subscribers]) {
      if (!subjectMatches(subscriber.pattern, message.subject)) continue;
      found = true;
      if (subscriber.queue === undefined) subscriber.onMessage(message);
      else {
        const group = `${subscriber.pattern} ${subscriber.queue}`;
        groups.set(group, [...(groups.get(group) ?? []), subscriber]);
      }
    }
    for (const members of groups.values()) members[this.turn++ % members.length]?.onMessage(message);
    if (!found && message.reply !== undefined && !message.noResponders) {
      this.deliver({ subject: message.reply, data: new Uint8Array(), headers: {}, noResponders: true });
    }
  }
}

/** A connection to a {@link MemoryHub}. */
export class MemoryTransport implements Transport {
  private static count = 0;
  private readonly id = ++MemoryTransport.count;
  private inboxes = 0;
  private current: ConnectionState;
  private readonly stateListeners = new Listeners<[ConnectionState]>();
  private readonly errorListeners = new Listeners<[HeddleError]>();

  constructor(private readonly hub: MemoryHub) {
    this.current = hub.isUp ? 'connected' : 'connecting';
  }

  get state(): ConnectionState {
    return this.current;
  }
  get maxPayload(): number {
    return this.hub.maxPayload;
  }
  get server(): string | undefined {
    return this.current === 'connected' ? 'memory' : undefined;
  }
  readonly lastError = undefined;

  onState(listener: (state: ConnectionState) => void): Unsubscribe {
    return this.stateListeners.add(listener);
  }
  onError(listener: (error: HeddleError) => void): Unsubscribe {
    return this.errorListeners.add(listener);
  }

  inbox(): string {
    return `_INBOX.${this.id}.${++this.inboxes}`;
  }

  publish(subject: string, data: Uint8Array, options: { headers: Headers; reply?: string }): void {
    if (this.current !== 'connected') throw new HeddleError('unavailable', 'not connected; nothing was sent');
    const size = data.length + headersSize(options.headers);
    if (size > this.maxPayload) throw new HeddleError('limit', `${size} bytes are more than ${this.maxPayload}`);
    const { headers, reply } = options;
    this.hub.send({ subject, data, headers, ...(reply === undefined ? {} : { reply }) });
  }

  request(subject: string, data: Uint8Array, options: { headers: Headers; timeoutMs: number }): Promise<RawMessage> {
    const reply = this.inbox();
    return new Promise<RawMessage>((resolve, reject) => {
      const timer = this.hub.clock.after(options.timeoutMs, () => {
        subscription.unsubscribe();
        reject(new HeddleError('deadline', `${subject} did not answer within ${options.timeoutMs} ms`));
      });
      const subscription = this.subscribe(reply, {
        onMessage: (message) => {
          timer.cancel();
          subscription.unsubscribe();
          if (message.noResponders) reject(nobodyAnswers(subject));
          else resolve(message);
        },
        onError: reject,
      });
      try {
        this.publish(subject, data, { headers: options.headers, reply });
      } catch (error) {
        timer.cancel();
        subscription.unsubscribe();
        reject(error);
      }
    });
  }

  subscribe(
    subject: string,
    options: { queue?: string; onMessage(message: RawMessage): void; onError(error: HeddleError): void },
  ): RawSubscription {
    const { queue, onMessage } = options;
    const subscriber: Subscriber = {
      owner: this,
      pattern: subject,
      ...(queue === undefined ? {} : { queue }),
      onMessage: (message) => {
        if (this.current === 'connected') onMessage(message);
      },
    };
    this.hub.add(subscriber);
    return { unsubscribe: () => this.hub.remove(subscriber) };
  }

  async flush(): Promise<void> {
    if (this.current !== 'connected') throw new HeddleError('unavailable', 'not connected');
  }

  drain(): Promise<void> {
    return this.close();
  }

  async close(): Promise<void> {
    this.hub.removeAll(this);
    this.become('closed');
  }

  /** @internal */
  become(state: ConnectionState): void {
    if (this.current === state || this.current === 'closed') return;
    this.current = state;
    this.stateListeners.emit(state);
  }
}

import type { Clock } from '@heddle/host';
import type { Lease, Term } from '@heddle/messaging';
import { HeddleError } from '@heddle/model';
import type { Log } from '../logging/log';

const RETRY_MS = 1_000;

/** What its holder does while it holds the lease. */
export interface Reign {
  stop(): Promise<void>;
}

/**
 * Runs something only while a lease is held: it begins when the lease is acquired, ends when it is lost, and begins again with
 * the next term. What fails to begin is tried again as long as the term lasts. Beginning and ending never overlap.
 */
export class Leadership<R extends Reign> {
  private reign: R | undefined;
  private turn: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(
    private readonly lease: Lease,
    private readonly parts: { readonly clock: Clock; readonly log: Log; readonly begin: (term: Term) => Promise<R> },
  ) {}

  start(): void {
    this.lease.onAcquired((term) => this.enqueue(() => this.begin(term)));
    this.lease.onLost((_term, why) => {
      const level = this.stopped ? 'debug' : 'warn';
      this.parts.log[level]({ reason: why.message }, 'lease lost');
      this.enqueue(() => this.end());
    });
    this.lease.onTrouble((error) => this.parts.log.warn({ err: error }, 'lease'));
    this.lease.start();
  }

  /** What runs now; undefined while another process holds the lease, or nothing could begin yet. */
  get current(): R | undefined {
    return this.reign;
  }

  /** @throws HeddleError `unavailable` while another process holds the lease */
  require(what: string): R {
    if (this.reign) return this.reign;
    throw new HeddleError('unavailable', `${what} is starting, or another process holds its lease; try again`);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.enqueue(() => this.end());
    await this.turn;
    await this.lease.close();
  }

  /** Ends the present term's work and begins anew: for a failure that only a fresh start mends. */
  restart(error: HeddleError): void {
    this.parts.log.warn({ err: error }, 'beginning anew');
    const term = this.lease.term;
    this.enqueue(() => this.end());
    if (term) this.enqueue(() => this.begin(term));
  }

  private enqueue(step: () => Promise<void>): void {
    this.turn = this.turn.then(step).catch((error: unknown) => this.parts.log.error({ err: error }, 'leadership'));
  }

  private async begin(term: Term): Promise<void> {
    while (!this.stopped && term.isHeld() && !this.reign) {
      try {
        this.reign = await this.parts.begin(term);
        this.parts.log.info({ epoch: term.epoch }, 'lease acquired');
      } catch (error) {
        if (this.stopped) return;
        this.parts.log.warn({ err: error }, 'cannot begin; trying again');
        await this.parts.clock.sleep(RETRY_MS);
      }
    }
    if (this.reign && !term.isHeld()) await this.end();
  }

  private async end(): Promise<void> {
    const reign = this.reign;
    this.reign = undefined;
    await reign?.stop();
  }
}

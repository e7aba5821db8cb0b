import type { Clock } from '@heddle/host';
import { HeddleError } from '@heddle/model';

/** A cluster that is starting, or a leader that was cut off, may for some seconds not know what it has. */
export const SUSPICION_MS = 3_000;

/**
 * Tells a store that has lost something from one that only answers so for a moment: a missing stream or one that went back
 * is believed when it is found so for the whole time.
 */
export class Suspicion {
  private since: number | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly ms = SUSPICION_MS,
  ) {}

  /** The error to act on, once it has lasted long enough; nothing for any other error. */
  confirmed(error: HeddleError): HeddleError | undefined {
    if (error.code !== 'state' && error.code !== 'not-found') {
      // No answer says nothing either way; the time goes on.
      return undefined;
    }
    const now = this.clock.monotonic();
    this.since ??= now;
    if (now - this.since < this.ms) return undefined;
    return error.code === 'state'
      ? error
      : new HeddleError('state', `${error.message}: the store is empty or another one`);
  }

  clear(): void {
    this.since = undefined;
  }
}

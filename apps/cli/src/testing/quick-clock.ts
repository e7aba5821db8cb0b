import { FakeClock } from '@heddle/host';

/** A clock whose sleepers wake at once, at the time they asked for: waiting costs no time, deadlines still pass. */
export class QuickClock extends FakeClock {
  override async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    await this.advance(ms);
    signal?.throwIfAborted();
  }
}

import { setTimeout as delay } from 'node:timers/promises';

/** Looks at something again and again and keeps what it saw, without repetitions. */
export class Watch<T> {
  private readonly seen: T[] = [];
  private stopped = false;
  private readonly running: Promise<void>;

  /** @param look what it throws is kept as text: an API that is away is something that was seen, too */
  constructor(
    private readonly look: () => Promise<T>,
    private readonly intervalMs = 50,
  ) {
    this.running = this.run();
  }

  async stop(): Promise<readonly T[]> {
    this.stopped = true;
    await this.running;
    return this.seen;
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      const now = await this.look();
      if (JSON.stringify(now) !== JSON.stringify(this.seen.at(-1))) this.seen.push(now);
      await delay(this.intervalMs);
    }
  }
}

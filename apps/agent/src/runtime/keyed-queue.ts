/**
 * One piece of work at a time for each key; a request that comes while the key's work runs makes it run once more, however
 * often it was asked. At most `width` keys are worked on at once.
 */
export class KeyedQueue {
  private readonly running = new Map<string, Promise<void>>();
  private readonly again = new Set<string>();
  private readonly waiting = new Set<string>();
  private stopped = false;

  /** @param work must not reject: nobody waits for it */
  constructor(
    private readonly width: number,
    private readonly work: (key: string) => Promise<void>,
  ) {}

  request(key: string): void {
    if (this.stopped) return;
    if (this.running.has(key)) this.again.add(key);
    else this.waiting.add(key);
    this.next();
  }

  /** Resolves when nothing runs and nothing waits. */
  async idle(): Promise<void> {
    while (this.running.size > 0) await Promise.all(this.running.values());
  }

  /** Takes nothing more from now on; what runs is finished. */
  stop(): void {
    this.stopped = true;
    this.waiting.clear();
    this.again.clear();
  }

  private next(): void {
    for (const key of this.waiting) {
      if (this.running.size >= this.width) return;
      this.waiting.delete(key);
      const done = this.work(key).finally(() => {
        this.running.delete(key);
        if (this.again.delete(key)) this.waiting.add(key);
        this.next();
      });
      this.running.set(key, done);
    }
  }
}

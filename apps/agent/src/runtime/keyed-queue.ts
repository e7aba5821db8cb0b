/**
 * One piece of work at a time for each key; a request that comes while the key's work runs makes it run once more, however
 * often it was asked. At most `width` keys are worked on at once.
 */
export class KeyedQueue {
  private readonly running = new Map<string, Promise<void>>();
  private readonly again = new Set<string>();
  private readonly waiting: string[] = [];

  constructor(
    private readonly width: number,
    private readonly work: (key: string) => Promise<void>,
  ) {}

  request(key: string): void {
    if (this.running.has(key)) this.again.add(key);
    else if (!this.waiting.includes(key)) {
      this.waiting.push(key);
      this.next();
    }
  }

  /** Resolves when nothing runs and nothing waits. */
  async idle(): Promise<void> {
    while (this.running.size > 0) await Promise.all(this.running.values());
  }

  /** Takes nothing more from now on. */
  stop(): void {
    this.waiting.length = 0;
    this.again.clear();
  }

  private next(): void {
    while (this.running.size < this.width) {
      const key = this.waiting.shift();
      if (key === undefined) return;
      const done = this.work(key).finally(() => {
        this.running.delete(key);
        if (this.again.delete(key)) this.waiting.push(key);
        this.next();
      });
      this.running.set(key, done);
    }
  }
}

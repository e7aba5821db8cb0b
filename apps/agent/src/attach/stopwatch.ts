/** Measures the parts of one piece of work, which may overlap. */
export class Stopwatch {
  private readonly milliseconds = new Map<string, number>();

  /** Does one part, and notes how long it took, also when it fails. */
  async part<T>(name: string, work: () => Promise<T>): Promise<T> {
    const started = performance.now();
    try {
      return await work();
    } finally {
      this.milliseconds.set(name, performance.now() - started);
    }
  }

  /** Milliseconds by part, to a tenth. */
  get parts(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.milliseconds].map(([name, ms]) => [name, tenth(ms)]));
  }
}

export const tenth = (ms: number): number => Math.round(ms * 10) / 10;

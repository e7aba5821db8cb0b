import { open, stat } from 'node:fs/promises';

/** What the attach daemon says of its part in one start, milliseconds. */
export interface HandlerTimes {
  /** All plugin calls together. */
  readonly all: number;
  /** By call, such as `NetworkDriver.Join`; a call that was made twice counts twice. */
  readonly calls: ReadonlyMap<string, number>;
  /** Inside Join, by part. */
  readonly parts: ReadonlyMap<string, number>;
}

/** Reads the attach daemon's log from where it was read to before. */
export class PluginLog {
  private position = 0;

  constructor(private readonly path: string) {}

  async skip(): Promise<void> {
    this.position = (await stat(this.path)).size;
  }

  /** What was written since the last call. */
  async next(): Promise<HandlerTimes> {
    const file = await open(this.path, 'r');
    try {
      const { size } = await file.stat();
      const buffer = Buffer.alloc(size - this.position);
      await file.read(buffer, 0, buffer.length, this.position);
      this.position = size;
      return handlerTimes(buffer.toString('utf8'));
    } finally {
      await file.close();
    }
  }
}

interface Line {
  readonly call?: string;
  readonly milliseconds?: number;
  readonly parts?: Readonly<Record<string, number>>;
}

/** Adds up the calls in some lines of the log, one JSON object each. */
export function handlerTimes(text: string): HandlerTimes {
  const calls = new Map<string, number>();
  const parts = new Map<string, number>();
  const add = (to: Map<string, number>, name: string, ms: number): void => void to.set(name, (to.get(name) ?? 0) + ms);
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const { call, milliseconds, parts: inside } = JSON.parse(line) as Line;
    if (call !== undefined && milliseconds !== undefined) add(calls, call, milliseconds);
    for (const [name, ms] of Object.entries(inside ?? {})) add(parts, name, ms);
  }
  return { all: [...calls.values()].reduce((sum, ms) => sum + ms, 0), calls, parts };
}

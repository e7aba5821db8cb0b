import { spawn, type ChildProcessByStdio } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { waitFor } from '@heddle/host';
import { APPS } from './cluster';

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** One of the control plane's programs as a process of its own, with what it logged. */
export class Program {
  private readonly lines: Record<string, unknown>[] = [];
  private readonly noise: string[] = [];
  private readonly child: ChildProcessByStdio<null, Readable, Readable>;
  private ended: Exit | undefined;

  /** @param app whose `dist/main.js` is run */
  constructor(
    readonly app: string,
    args: readonly string[],
  ) {
    this.child = spawn(process.execPath, [path.join(APPS, app, 'dist', 'main.js'), ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      createInterface(stream).on('line', (line) => {
        if (line.startsWith('{')) this.lines.push(JSON.parse(line) as Record<string, unknown>);
        else this.noise.push(line);
      });
    }
    this.child.once('exit', (code, signal) => (this.ended = { code, signal }));
  }

  get exit(): Exit | undefined {
    return this.ended;
  }

  get log(): readonly Record<string, unknown>[] {
    return this.lines;
  }

  /** The address that it logs under `name` when it serves. */
  address(name: 'api' | 'ops'): Promise<URL> {
    const told = (): string | undefined =>
      this.lines.find((line) => line['msg'] === 'serving' && typeof line[name] === 'string')?.[name] as
        string | undefined;
    return waitFor(
      () => {
        const found = told();
        if (found === undefined && this.ended) throw new Error(`${this.app} ended: ${this.tail()}`);
        return found === undefined ? undefined : new URL(found);
      },
      { deadlineMs: 20_000, what: () => `${this.app} to serve; it said ${this.tail()}` },
    );
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  async end(signal: NodeJS.Signals = 'SIGKILL', deadlineMs = 10_000): Promise<Exit> {
    this.signal(signal);
    return waitFor(() => this.ended, { deadlineMs, what: () => `${this.app} to end; it said ${this.tail()}` });
  }

  private tail(): string {
    return [...this.noise, ...this.lines.map((line) => JSON.stringify(line))].slice(-5).join('\n');
  }
}

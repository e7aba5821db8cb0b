import { FakeFiles } from '@heddle/host';
import type { Labs } from '../lab/port';
import { runCli } from '../program';
import type { Environment } from '../session';
import type { FakeApi } from './fake-api';
import { FakeTerminal } from './fake-terminal';
import { QuickClock } from './quick-clock';

export interface RunResult {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface Bench {
  readonly files: FakeFiles;
  readonly clock: QuickClock;
  /** Runs a command line to its end. */
  run(words: readonly string[], options?: Partial<Environment> & { readonly stdinText?: string }): Promise<RunResult>;
}

/** A place to run command lines in, against a server or, without one, against nothing. */
export function bench(api?: FakeApi, labs?: Labs): Bench {
  const files = new FakeFiles();
  const clock = new QuickClock();
  return {
    files,
    clock,
    async run(words, { stdinText = '', ...more } = {}) {
      const terminal = more.terminal instanceof FakeTerminal ? more.terminal : new FakeTerminal();
      const code = await runCli(words, {
        terminal,
        env: api ? { HEDDLE_API: api.url, HEDDLE_TOKEN: api.token } : {},
        home: '/home/user',
        userId: 0,
        stdin: streamOf(stdinText),
        files,
        clock,
        signal: new AbortController().signal,
        loadLab: async () => labs ?? Promise.reject(new Error('this test has no labs')),
        ...more,
      });
      return { code, out: terminal.out, err: terminal.err };
    },
  };
}

async function* streamOf(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

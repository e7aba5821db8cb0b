import { EventEmitter } from 'node:events';
import { HeddleError } from '@heddle/model';
import { LOG_SETTING } from '../config/common-settings';
import type { LogLevels } from '../logging/log';
import { runProgram, type ProcessPort, type Runtime } from './program';

class FakeProcess extends EventEmitter {
  readonly out: string[] = [];
  readonly err: string[] = [];
  private resolveExit: (code: number) => void = () => undefined;
  readonly exited = new Promise<number>((resolve) => (this.resolveExit = resolve));
  readonly env = {};
  readonly argv: string[];
  readonly stdout = { write: (text: string) => this.out.push(text) };
  readonly stderr = { write: (text: string) => this.err.push(text) };

  constructor(...argv: string[]) {
    super();
    this.argv = ['node', 'main.js', ...argv];
  }
  exit(code: number): void {
    this.resolveExit(code);
  }
}

type Start = (config: { logLevels: LogLevels }, runtime: Runtime) => Promise<{ stop(graceMs: number): Promise<void> }>;

const run = (process: FakeProcess, start: Start): Promise<void> =>
  runProgram(
    { name: 'heddle-test', summary: 'a test', settings: { logLevels: LOG_SETTING }, start },
    process as unknown as ProcessPort,
  );

describe('runProgram', () => {
  const silent = ['--log-level', 'silent'];

  it('stops when it is asked to, and ends with 0', async () => {
    const process = new FakeProcess(...silent);
    const stop = jest.fn(async () => undefined);
    await run(process, async () => ({ stop }));
    process.emit('SIGTERM', 'SIGTERM');
    await expect(process.exited).resolves.toBe(0);
    expect(stop).toHaveBeenCalledTimes(1);
  });

  it('stops what is still starting', async () => {
    const process = new FakeProcess(...silent);
    const stop = jest.fn(async () => undefined);
    let aborted = false;
    const started = run(process, async (_config, { signal }) => {
      if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve));
      aborted = true;
      return { stop };
    });
    process.emit('SIGINT', 'SIGINT');
    await started;
    await expect(process.exited).resolves.toBe(0);
    expect([aborted, stop.mock.calls.length]).toEqual([true, 1]);
  });

  it('ends with 1 when it cannot start, cannot stop, or loses what it needs', async () => {
    const cannotStart = new FakeProcess(...silent);
    await run(cannotStart, () => Promise.reject(new HeddleError('unavailable', 'no NATS')));
    await expect(cannotStart.exited).resolves.toBe(1);

    const cannotStop = new FakeProcess(...silent);
    await run(cannotStop, async () => ({ stop: () => Promise.reject(new Error('stuck')) }));
    cannotStop.emit('SIGTERM', 'SIGTERM');
    await expect(cannotStop.exited).resolves.toBe(1);

    const loses = new FakeProcess(...silent);
    await run(loses, async (_config, { fail }) => {
      setImmediate(() => fail(new HeddleError('state', 'the store is another one')));
      return { stop: async () => undefined };
    });
    await expect(loses.exited).resolves.toBe(1);
  });

  it('ends with 2 and every mistake when the settings are wrong', async () => {
    const process = new FakeProcess('--no-such', '--log-level', 'loud');
    const start = jest.fn();
    await run(process, start);
    await expect(process.exited).resolves.toBe(2);
    expect(start).not.toHaveBeenCalled();
    expect(process.err.join('')).toMatch(/--no-such: unknown option[^]*--log-level: found log level "loud"/);
  });

  it('explains itself', async () => {
    const process = new FakeProcess('--help');
    await run(process, jest.fn());
    await expect(process.exited).resolves.toBe(0);
    expect(process.out.join('')).toMatch(/heddle-test: a test[^]*--log-level VALUE/);
  });
});

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { waitFor } from '@heddle/host';
import type { ApiFile } from '../start-server';
import { TestApi } from './test-api';

const START_MS = 30_000;

/** `heddle server` in a process of its own, which a test can kill. */
export class ServerProcess {
  private constructor(
    readonly child: ChildProcess,
    readonly api: TestApi,
    private readonly output: string[],
  ) {}

  /** Starts it on the folders below `folder` and resolves when its API is there. */
  static async start(folder: string, natsPort: number, more: readonly string[] = []): Promise<ServerProcess> {
    const runDir = path.join(folder, 'run');
    const args = [...more, '--state-dir', path.join(folder, 'state'), '--run-dir', runDir, '--api-port', '0'];
    const child = spawn(
      process.execPath,
      [
        '-r',
        path.join(__dirname, 'from-source.js'),
        path.join(__dirname, '..', 'main.ts'),
        ...args,
        '--nats-port',
        String(natsPort),
        '--lab',
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    const output: string[] = [];
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => output.push(chunk.toString()));
    const file = await waitFor(
      async () => {
        if (child.exitCode !== null)
          throw new Error(`the server has ended with ${child.exitCode}:\n${output.join('')}`);
        const api = await readApiFile(path.join(runDir, 'api.json'));
        return api?.pid === child.pid ? api : undefined;
      },
      { deadlineMs: START_MS, what: () => `the server to start:\n${output.join('')}` },
    );
    const token = (await readFile(file.tokenFile, 'utf8')).trim();
    return new ServerProcess(child, new TestApi(file.url, token), output);
  }

  get stdout(): string {
    return this.output.join('');
  }

  /** Resolves to the exit code, or the signal that ended it. */
  async end(signal: NodeJS.Signals): Promise<number | NodeJS.Signals | null> {
    if (this.child.exitCode !== null || this.child.signalCode !== null)
      return this.child.exitCode ?? this.child.signalCode;
    const exited = once(this.child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
    this.child.kill(signal);
    const [code, by] = await exited;
    return code ?? by;
  }
}

async function readApiFile(file: string): Promise<ApiFile | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as ApiFile;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

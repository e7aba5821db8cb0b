import { fork, type ChildProcess } from 'node:child_process';
import path from 'node:path';

const PROGRAM = path.join(__dirname, 'station-program.ts');
const HOOK = path.resolve(__dirname, '../../../../libs/lab/src/testing/typescript-hook.js');
const STARTUP_MS = 15_000;
const CALL_MS = 10_000;

/** One end of a conversation. */
export interface Stream {
  readonly id: string;
  readonly type: 'tcp-server' | 'tcp-client' | 'udp-server' | 'udp-client';
  readonly port: number;
  /** Whom a client speaks to. */
  readonly to?: string;
  /** Sends some bytes again and again. A UDP server begins when it has been spoken to. */
  readonly everyMs?: number;
  /** Without `everyMs`: size of the one datagram that a UDP client sends. */
  readonly bytes?: number;
}

export interface StreamReport {
  /** What was received. */
  readonly bytes: number;
  readonly datagrams: number;
  /** When something was received last, in ms of {@link monotonic}; 0 before the first time. */
  readonly lastAt: number;
}

export interface Question {
  readonly protocol: 'tcp' | 'udp';
  readonly to: string;
  readonly port: number;
  readonly hex: string;
}

/** One UDP datagram. */
export type Datagram = Omit<Question, 'protocol'>;

export type StationCall = { readonly id: number } & (
  | { readonly method: 'open'; readonly params: Stream }
  | { readonly method: 'report'; readonly params: { readonly id: string } }
  | { readonly method: 'ask'; readonly params: Question }
  | { readonly method: 'send'; readonly params: Datagram }
);
export interface StationReply {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: string;
}

/** Milliseconds of the clock that stations measure with. */
export const monotonic = (): number => Number(process.hrtime.bigint() / 1000n) / 1000;

/** A process with sockets in another network namespace: that of a container, or of a host. */
export class Station {
  private next = 1;
  private readonly waiting = new Map<number, (reply: StationReply) => void>();
  private ended: string | undefined;

  private constructor(private readonly child: ChildProcess) {
    child.on('message', (reply: StationReply) => {
      this.waiting.get(reply.id)?.(reply);
      this.waiting.delete(reply.id);
    });
    child.on('exit', (code, signal) => {
      this.ended = `the station ended with ${code ?? signal}`;
      for (const [id, done] of this.waiting) done({ id, error: this.ended });
      this.waiting.clear();
    });
  }

  /** @param netns file of the network namespace, `/proc/PID/ns/net` or `/run/netns/NAME` */
  static async in(netns: string): Promise<Station> {
    const child = fork(PROGRAM, [], {
      execPath: 'nsenter',
      execArgv: [`--net=${netns}`, '--', process.execPath, '-r', HOOK],
      env: process.env,
    });
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no station in ${netns} within ${STARTUP_MS} ms`)), STARTUP_MS);
      child.once('message', () => resolve());
      child.once('error', reject);
      child.once('exit', (code) => reject(new Error(`the station in ${netns} ended at once, with ${code}`)));
      child.once('message', () => clearTimeout(timer));
    });
    return new Station(child);
  }

  open(stream: Stream): Promise<void> {
    return this.call('open', stream);
  }

  report(id: string): Promise<StreamReport> {
    return this.call('report', { id });
  }

  /** What is answered first, as hexadecimal digits. */
  ask(question: Question): Promise<string> {
    return this.call('ask', question);
  }

  /** Sends one datagram from a port of its own. */
  send(datagram: Datagram): Promise<void> {
    return this.call('send', datagram);
  }

  async close(): Promise<void> {
    if (this.ended !== undefined) return;
    const exited = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.disconnect();
    await exited;
  }

  private call<T>(method: StationCall['method'], params: unknown): Promise<T> {
    if (this.ended !== undefined) return Promise.reject(new Error(this.ended));
    const id = this.next++;
    return new Promise<T>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting.delete(id);
        reject(new Error(`${method} ${JSON.stringify(params)}: no answer of the station within ${CALL_MS} ms`));
      }, CALL_MS);
      this.waiting.set(id, ({ result, error }) => {
        clearTimeout(timer);
        if (error === undefined) resolve(result as T);
        else reject(new Error(`${method}: ${error}`));
      });
      this.child.send({ id, method, params });
    });
  }
}

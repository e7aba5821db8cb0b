import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { waitFor } from '@heddle/host';

const PROGRAM = path.join(__dirname, 'program.js');
const ANSWER_MS = 10_000;

export interface Listener {
  readonly protocol: 'udp' | 'tcp';
  readonly port: number;
}

export interface Probe {
  /** Without spaces; servers count by it. */
  readonly name: string;
  /** `udp` and `tcp` go on over one connection, `connect` opens one after the other, `name` asks a name server. */
  readonly protocol: 'udp' | 'tcp' | 'connect' | 'name';
  readonly address: string;
  readonly port: number;
  /** What a `name` probe asks for. */
  readonly question?: string;
}

/** What became of one probe; the fields that its protocol has are there. */
export interface ProbeCount {
  readonly sent: number;
  readonly received: number;
  /** Of those that were not answered within a second the first hundred. */
  readonly lost: readonly { readonly number: number; readonly at: string }[];
  /** The longest time between two answers, milliseconds. */
  readonly longestMs: number;
  /** Why a TCP connection has ended. */
  readonly broken?: string;

  readonly tried: number;
  readonly opened: number;
  readonly failed: number;

  readonly resolved: number;
  /** What a name led to when it was last asked for. */
  readonly addresses: readonly string[];
}

export interface Counts {
  readonly probes: Readonly<Record<string, ProbeCount>>;
  /** What arrived at the servers of this namespace, by name of the probe. */
  readonly heard: Readonly<Record<string, number>>;
  /** TCP segments that were lost, in the whole namespace. */
  readonly lostSegments: number;
}

/** Echo servers and probes in the network namespace of a process, counting until they are stopped. */
export class Traffic {
  private readonly answers: string[] = [];

  private constructor(
    private readonly child: ChildProcess,
    private readonly where: string,
  ) {
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => this.answers.push(line));
  }

  /** @param pid a process in the namespace: a container's first */
  static async start(pid: number, work: { listen?: readonly Listener[]; probes?: readonly Probe[] }): Promise<Traffic> {
    const child = spawn(
      'nsenter',
      [`--net=/proc/${pid}/ns/net`, '--', process.execPath, '--max-old-space-size=32', PROGRAM, JSON.stringify(work)],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    );
    const traffic = new Traffic(child, `process ${pid}`);
    await traffic.line();
    return traffic;
  }

  /** What was counted so far. */
  async count(): Promise<Counts> {
    return this.ask('count');
  }

  /** Resolves when a condition holds for the counts. */
  async until(condition: (counts: Counts) => boolean, what: string, deadlineMs = 15_000): Promise<Counts> {
    let last: Counts | undefined;
    return waitFor(
      async () => {
        last = await this.count();
        return condition(last) ? last : undefined;
      },
      { deadlineMs, intervalMs: 50, what: () => `${what}; counted ${JSON.stringify(last)}` },
    );
  }

  /** Sends nothing more, waits for what is under way, ends, and gives the final counts. */
  async stop(): Promise<Counts> {
    const ended = once(this.child, 'exit');
    const counts = await this.ask('stop');
    await ended;
    return counts;
  }

  /** Ends at once, whatever state it is in. */
  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await ended;
  }

  private async ask(what: 'count' | 'stop'): Promise<Counts> {
    this.child.stdin?.write(`${what}\n`);
    return JSON.parse(await this.line()) as Counts;
  }

  private async line(): Promise<string> {
    await waitFor(() => this.answers.length > 0 || this.child.exitCode !== null, {
      deadlineMs: ANSWER_MS,
      intervalMs: 5,
      what: `the traffic program in the namespace of ${this.where} to answer`,
    });
    const line = this.answers.shift();
    if (line === undefined) throw new Error(`the traffic program of ${this.where} ended with ${this.child.exitCode}`);
    return line;
  }
}

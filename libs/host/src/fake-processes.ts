import { CommandError } from './command-error';
import { sameProcess, type ProcessIdentity } from './process-identity';
import type { Daemon, DaemonExit, DaemonOptions, ListedProcess, Processes, RunOptions, RunResult } from './processes';

/** What a faked command answers: its output, a whole result, or an error to throw. */
export type FakeAnswer = string | Partial<RunResult> | Error;

export interface FakeCall {
  readonly argv: readonly string[];
  readonly options: RunOptions;
}

/** A daemon that was "started". */
export interface FakeDaemon extends Daemon {
  readonly argv: readonly string[];
  readonly options: DaemonOptions;
  /** Signals it got, in order. SIGKILL ends it, SIGTERM too unless `ignoresTerm`. */
  readonly signals: NodeJS.Signals[];
  ignoresTerm: boolean;
}

interface Rule {
  readonly matches: (argv: readonly string[]) => boolean;
  readonly answer: (call: FakeCall) => FakeAnswer;
}

const BOOT = 'fake-boot';

/**
 * Processes that exist only in memory. Commands are answered by the rules given to {@link answer} (the latest that
 * matches wins); without one they succeed silently. Every call is kept in {@link calls}.
 */
export class FakeProcesses implements Processes {
  readonly calls: FakeCall[] = [];
  readonly daemons: FakeDaemon[] = [];
  private readonly rules: Rule[] = [];
  private readonly running = new Map<number, { daemon: FakeDaemon; end: (exit: DaemonExit) => void }>();
  private nextPid = 1000;

  /** @param start the first words of the commands this is the answer to */
  answer(start: readonly string[], answer: FakeAnswer | ((call: FakeCall) => FakeAnswer)): this {
    this.rules.unshift({
      matches: (argv) => start.every((word, i) => argv[i] === word),
      answer: typeof answer === 'function' ? answer : () => answer,
    });
    return this;
  }

  async run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    const call = { argv: [...argv], options };
    this.calls.push(call);
    const answer = this.rules.find((rule) => rule.matches(argv))?.answer(call) ?? '';
    if (answer instanceof Error) throw answer;
    const result = { stdout: '', stderr: '', code: 0, ...(typeof answer === 'string' ? { stdout: answer } : answer) };
    if (!(options.okCodes ?? [0]).includes(result.code)) {
      const { code: exitCode, stdout, stderr } = result;
      throw new CommandError({ argv, what: `ended with code ${exitCode}`, code: 'internal', exitCode, stdout, stderr });
    }
    return result;
  }

  async spawnDaemon(argv: readonly string[], options: DaemonOptions): Promise<Daemon> {
    const pid = this.nextPid++;
    let end: (exit: DaemonExit) => void = () => undefined;
    const exited = new Promise<DaemonExit>((resolve) => (end = resolve));
    const identity = { pid, startTime: pid * 10, bootId: BOOT };
    const daemon: FakeDaemon = { identity, exited, argv: [...argv], options, signals: [], ignoresTerm: false };
    this.daemons.push(daemon);
    this.running.set(pid, { daemon, end });
    return daemon;
  }

  async list(): Promise<ListedProcess[]> {
    return [...this.running.values()].map(({ daemon }) => ({ pid: daemon.identity.pid, argv: daemon.argv }));
  }

  async identify(pid: number): Promise<ProcessIdentity | undefined> {
    return this.running.get(pid)?.daemon.identity;
  }

  async isAlive(identity: ProcessIdentity): Promise<boolean> {
    const entry = this.running.get(identity.pid);
    return entry !== undefined && sameProcess(entry.daemon.identity, identity);
  }

  async signal(identity: ProcessIdentity, signal: NodeJS.Signals): Promise<boolean> {
    const entry = this.running.get(identity.pid);
    if (!entry || !(await this.isAlive(identity))) return false;
    entry.daemon.signals.push(signal);
    if (signal === 'SIGKILL' || (signal === 'SIGTERM' && !entry.daemon.ignoresTerm)) this.end(identity.pid, signal);
    return true;
  }

  async terminate(identity: ProcessIdentity, _graceMs: number): Promise<void> {
    await this.signal(identity, 'SIGTERM');
    await this.signal(identity, 'SIGKILL');
  }

  /** Lets a daemon end as if from outside. */
  end(pid: number, signal: NodeJS.Signals | null = 'SIGKILL', code: number | null = null): void {
    this.running.get(pid)?.end({ code, signal });
    this.running.delete(pid);
  }
}

import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { HeddleError } from '@heddle/model';
import { CommandError } from './command-error';
import { isErrno } from './errno';
import type { RunOptions, RunResult } from './processes';

/** Runs a command to its end, as {@link Processes.run} does. */
export interface CommandRunner {
  run(argv: readonly string[], options?: CommandOptions): Promise<RunResult>;
}

export type CommandOptions = Pick<RunOptions, 'deadlineMs' | 'input' | 'okCodes'>;

const DEFAULT_DEADLINE_MS = 10_000;
const MAX_OUTPUT = 16 * 1024 * 1024;

/**
 * Reads commands and runs them, one after the other. Parameter: a mark, with which the end of a command's output is told on
 * both streams. A command is the number of its words and of the lines of its input, then those, each on a line of its own.
 * A constant: what it reads is never part of the text that the shell parses.
 */
const SERVE = `
mark=$1
while IFS= read -r words && IFS= read -r lines; do
  set --
  while [ "$words" -gt 0 ]; do IFS= read -r word; set -- "$@" "$word"; words=$((words - 1)); done
  input=
  while [ "$lines" -gt 0 ]; do IFS= read -r line; input="$input$line
"; lines=$((lines - 1)); done
  if [ -n "$input" ]; then printf %s "$input" | "$@"; else "$@" </dev/null; fi
  status=$?
  printf '\\n%s %s\\n' "$mark" "$status"
  printf '\\n%s\\n' "$mark" >&2
done`;

/**
 * Starts commands from small processes instead of this one. To start a process, Node copies the page tables of all it has
 * (fork), which takes its only thread some milliseconds; a shell has next to nothing to copy. For short commands that
 * somebody waits for, such as those of `ip`.
 */
export class ForkServer implements CommandRunner {
  private readonly lanes: readonly Lane[];
  private closed = false;

  /** @param width how many commands may run at one time; what is beyond that waits for its turn */
  constructor(width = 4) {
    this.lanes = Array.from({ length: width }, () => new Lane());
  }

  /**
   * @param argv the program is looked for on the PATH; no word may hold a line break
   * @throws CommandError as {@link Processes.run} does
   */
  async run(argv: readonly string[], options: CommandOptions = {}): Promise<RunResult> {
    if (this.closed) throw new HeddleError('unavailable', `${argv[0]} is not run: this process is stopping`);
    const { deadlineMs = DEFAULT_DEADLINE_MS, okCodes = [0] } = options;
    const lane = this.lanes.reduce((least, other) => (other.waiting < least.waiting ? other : least));
    const result = await lane.run({ argv, message: encode(argv, options.input), deadlineMs });
    if (okCodes.includes(result.code)) return result;
    const { code, stdout, stderr } = result;
    const what = `ended with code ${code}`;
    throw new CommandError({ argv, what, code: 'internal', exitCode: code, stdout, stderr });
  }

  /** Takes no more commands, and ends when the last has. */
  async close(): Promise<void> {
    this.closed = true;
    await Promise.all(this.lanes.map((lane) => lane.close()));
  }
}

interface Command {
  readonly argv: readonly string[];
  readonly message: string;
  readonly deadlineMs: number;
}

/** Runs commands one after the other, in one shell for as long as that lives. */
class Lane {
  /** Commands that run or are to run here. */
  waiting = 0;
  private shell: Shell | undefined;
  private last: Promise<unknown> = Promise.resolve();

  run(command: Command): Promise<RunResult> {
    this.waiting++;
    const result = this.last.then(() => this.next(command)).finally(() => this.waiting--);
    // Its caller hears of a failure; those who come after it need not.
    this.last = result.catch(() => undefined);
    return result;
  }

  async close(): Promise<void> {
    await this.last;
    await this.shell?.end();
  }

  private async next(command: Command): Promise<RunResult> {
    const shell = (this.shell ??= new Shell());
    try {
      return await shell.run(command);
    } finally {
      if (shell.isOver) this.shell = undefined;
    }
  }
}

function encode(argv: readonly string[], input: RunOptions['input']): string {
  const [program = '', ...words] = argv;
  const lines = input === undefined || input.length === 0 ? [] : linesOf(Buffer.from(input).toString('utf8'));
  const all = [locate(program, argv), ...words];
  if (all.some((word) => /[\n\0]/.test(word)))
    throw new CommandError({ argv, what: 'has a word with a line break or NUL in it', code: 'invalid' });
  return [String(all.length), String(lines.length), ...all, ...lines, ''].join('\n');
}

/** Without the empty one after the last line break: the shell ends every line with one. */
function linesOf(text: string): string[] {
  return (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n');
}

/** A path: what has a slash in it, no shell takes for something of its own. */
function locate(program: string, argv: readonly string[]): string {
  const folders = program.includes('/') ? [''] : (process.env['PATH'] ?? '').split(':');
  const found = folders.map((folder) => path.resolve(folder, program)).find(isExecutable);
  if (found !== undefined && program !== '') return found;
  throw new CommandError({ argv, what: 'no such command is installed', code: 'unavailable' });
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    // Not there, or not to be run: the question this asks.
    return false;
  }
}

/** One shell from its start to its end. */
class Shell {
  private readonly mark = randomBytes(12).toString('hex');
  private readonly child: ChildProcess;
  private readonly ended: Promise<void>;
  private job: Job | undefined;
  private over = false;

  constructor() {
    // A session of its own: a signal to our process group is not for the command that just runs.
    this.child = spawn('/bin/sh', ['-c', SERVE, 'fork-server', this.mark], { detached: true });
    for (const stream of ['stdout', 'stderr'] as const) {
      this.child[stream]?.setEncoding('utf8').on('data', (chunk: string) => this.job?.take(stream, chunk));
    }
    // That it cannot be written to follows from its end, which is told below.
    this.child.stdin?.on('error', () => undefined);
    this.ended = new Promise((resolve) => {
      const end = (): void => {
        this.over = true;
        this.job?.fail('unavailable', 'was lost together with the process that starts commands');
        // What a command of it left running may hold these open for ever.
        this.child.stdout?.destroy();
        this.child.stderr?.destroy();
        resolve();
      };
      this.child.once('error', end);
      this.child.once('exit', end);
    });
  }

  /** Whether it takes no more commands. */
  get isOver(): boolean {
    return this.over;
  }

  async run({ argv, message, deadlineMs }: Command): Promise<RunResult> {
    const job = new Job(argv, this.mark);
    this.job = job;
    const timer = setTimeout(() => job.fail('deadline', `was ended after ${deadlineMs} ms`), deadlineMs);
    try {
      this.child.stdin?.write(message);
      return await job.result;
    } catch (error) {
      this.kill();
      throw error;
    } finally {
      clearTimeout(timer);
      this.job = undefined;
    }
  }

  /** Lets it end by itself. */
  async end(): Promise<void> {
    this.child.stdin?.end();
    await this.ended;
  }

  /** Ends the shell and the command that it waits for: their process group. */
  private kill(): void {
    this.over = true;
    if (this.child.pid === undefined) return;
    try {
      process.kill(-this.child.pid, 'SIGKILL');
    } catch (error) {
      if (!isErrno(error, 'ESRCH')) throw error;
    }
  }
}

/** One command: collects its output until the mark has come on both streams. */
class Job {
  readonly result: Promise<RunResult>;
  private readonly end: string;
  private readonly output = { stdout: '', stderr: '' };
  private resolve!: (result: RunResult) => void;
  private reject!: (error: CommandError) => void;

  constructor(
    private readonly argv: readonly string[],
    mark: string,
  ) {
    this.end = `\n${mark}`;
    this.result = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  take(stream: 'stdout' | 'stderr', chunk: string): void {
    const { output } = this;
    output[stream] += chunk;
    if (output[stream].length > MAX_OUTPUT)
      return this.fail('limit', `gave more than ${MAX_OUTPUT} bytes of output and was ended`);
    // The mark is followed by a line break: without one at the end there is no need to look for it.
    if (!output.stdout.endsWith('\n') || !output.stderr.endsWith('\n')) return;
    const [stdout, status] = output.stdout.split(this.end);
    const [stderr, rest] = output.stderr.split(this.end);
    if (status === undefined || rest === undefined) return;
    this.resolve({ stdout: stdout as string, stderr: stderr as string, code: Number(status) });
  }

  fail(code: 'deadline' | 'limit' | 'unavailable', what: string): void {
    this.reject(new CommandError({ argv: this.argv, what, code, stderr: this.output.stderr }));
  }
}

import { spawn, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { HeddleError } from '@heddle/model';

const PROGRAM = path.join(__dirname, 'stream.js');

/** A program in a container's network namespace that says what it sees, one line at a time. */
export class Stream {
  private readonly lines: AsyncIterator<string>;

  private constructor(
    private readonly child: ChildProcess,
    private readonly ended: Promise<void>,
  ) {
    if (!child.stdout) throw new TypeError('the child was started without a pipe');
    this.lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  static inNamespaceOf(pid: number, ...words: string[]): Stream {
    const argv = [`--net=/proc/${pid}/ns/net`, '--', process.execPath, PROGRAM, ...words];
    const child = spawn('nsenter', argv, { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = new Promise<void>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', () => resolve());
    });
    return new Stream(child, ended);
  }

  /** The time in the next line that begins with this word. @throws HeddleError when the program ends, or says nothing */
  async says(word: string, deadlineMs: number): Promise<number> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new HeddleError('deadline', `the stream did not say "${word}" within ${deadlineMs} ms`)),
        deadlineMs,
      );
    });
    try {
      const line = await Promise.race([this.lines.next(), late]);
      const [said, at] = line.done ? [] : line.value.split(' ');
      if (said === word) return Number(at ?? 0);
      throw new HeddleError(
        'internal',
        `the stream ${line.done ? 'ended' : `said "${line.value}"`} instead of "${word}"`,
      );
    } finally {
      clearTimeout(timer);
    }
  }

  async end(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGKILL');
    await this.ended;
  }
}

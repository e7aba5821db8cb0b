import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { isErrno, waitFor } from '@heddle/host';
import { HeddleError } from '@heddle/model';

/** What a command in a virtual machine came to. */
export interface Outcome {
  readonly code: number;
  /** What it wrote to standard output and standard error. */
  readonly output: string;
}

interface Waiting {
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: Error) => void;
}

const READY = 'ready';
const ANSWER = /^(\d+) (\d+) ([A-Za-z0-9+/=]*)$/;

/** A virtual machine's second console, on which commands go in and answers come out; see init.sh. */
export class MachineConsole {
  private readonly waiting = new Map<number, Waiting>();
  private next = 1;
  private isReady = false;
  private ended: string | undefined;

  private constructor(
    private readonly socket: Socket,
    private readonly name: string,
  ) {
    const lines = createInterface({ input: socket });
    lines.on('line', (line) => this.take(line));
    // The socket's errors come out of both.
    for (const source of [socket, lines]) source.on('error', (error: Error) => this.end(error.message));
    socket.on('close', () => this.end('it was closed'));
  }

  /**
   * Connects as soon as the socket is there.
   * @param name of the virtual machine, for errors
   * @param check looked at while there is no socket; what it throws ends the wait
   */
  static async open(
    file: string,
    { name, deadlineMs, check }: { name: string; deadlineMs: number; check: () => void },
  ): Promise<MachineConsole> {
    const socket = await waitFor(
      () => {
        check();
        return connected(file);
      },
      { deadlineMs, what: `the console of virtual machine ${name} at ${file}` },
    );
    return new MachineConsole(socket, name);
  }

  /** Waits until the virtual machine takes commands. @throws HeddleError `deadline`, or what `check` throws */
  async ready(deadlineMs: number, check: () => void): Promise<void> {
    await waitFor(
      () => {
        check();
        return this.isReady;
      },
      { deadlineMs, what: `virtual machine ${this.name} to take commands` },
    );
  }

  /**
   * Runs a command in the virtual machine. Several may be under way at one time.
   * @param argv its words, none of which is read by the shell there
   * @throws HeddleError `deadline` when there is no answer in time, `unavailable` when the virtual machine ends
   */
  exec(argv: readonly string[], deadlineMs: number): Promise<Outcome> {
    if (this.ended !== undefined) return Promise.reject(this.failure(this.ended));
    const number = this.next++;
    const line = `${number} ${argv.map(quote).join(' ')}\n`;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting.delete(number);
        const what = `no answer of virtual machine ${this.name} to "${argv.join(' ')}" within ${deadlineMs} ms`;
        reject(new HeddleError('deadline', what));
      }, deadlineMs);
      const done = (): void => clearTimeout(timer);
      this.waiting.set(number, {
        resolve: (outcome) => (done(), resolve(outcome)),
        reject: (error) => (done(), reject(error)),
      });
      this.socket.write(line);
    });
  }

  close(): void {
    this.socket.destroy();
  }

  private take(line: string): void {
    if (line === READY) this.isReady = true;
    const [, number, code, output] = ANSWER.exec(line) ?? [];
    if (number === undefined) return;
    this.waiting.get(Number(number))?.resolve({
      code: Number(code),
      output: Buffer.from(output ?? '', 'base64').toString('utf8'),
    });
    this.waiting.delete(Number(number));
  }

  private end(why: string): void {
    if (this.ended !== undefined) return;
    this.ended = why;
    for (const { reject } of this.waiting.values()) reject(this.failure(why));
    this.waiting.clear();
  }

  private failure(why: string): HeddleError {
    return new HeddleError('unavailable', `virtual machine ${this.name} takes no commands any more: ${why}`);
  }
}

/** A connection, or nothing while nobody listens there. */
function connected(file: string): Promise<Socket | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect(file);
    socket.once('connect', () => {
      socket.removeAllListeners('error');
      resolve(socket);
    });
    socket.once('error', (error) => {
      if (isErrno(error, 'ENOENT', 'ECONNREFUSED')) resolve(undefined);
      else reject(error);
    });
  });
}

/** A word as the shell of busybox reads it back: as it is, or with every byte that could mean something escaped. */
export function quote(word: string): string {
  if (/^[A-Za-z0-9_@%+=:,./-]+$/.test(word)) return word;
  const bytes = [...Buffer.from(word)].map((byte) => {
    const character = String.fromCharCode(byte);
    return /[A-Za-z0-9_@%+=:,./ -]/.test(character) ? character : `\\x${byte.toString(16).padStart(2, '0')}`;
  });
  return `$'${bytes.join('')}'`;
}

import { connect, createServer, type Server } from 'node:net';
import { HeddleError } from '@heddle/model';
import { systemClock, type Clock } from './clock';
import { isErrno } from './errno';
import { waitFor } from './wait-for';

/** A name in the abstract socket namespace fills all of `sun_path`, so that no padding makes two names of one. */
const NAME_LENGTH = 107;

export interface LockOptions {
  /** Milliseconds to wait for another holder. */
  readonly deadlineMs: number;
  /** What the lock is held for, told to those who wait: `lab up by pid 12`. */
  readonly purpose: string;
  readonly clock?: Clock;
  readonly signal?: AbortSignal;
}

/**
 * A lock between the processes of one machine (of one network namespace, to be exact), as a listening socket in the
 * abstract namespace: the kernel takes it back from a holder that dies, and there is no file to be left over.
 */
export class MachineLock {
  private constructor(private readonly server: Server) {}

  /**
   * Waits for the lock and takes it.
   * @throws HeddleError `unavailable`, naming the holder's purpose, when it stays taken until the deadline
   */
  static async acquire(name: string, options: LockOptions): Promise<MachineLock> {
    const { deadlineMs, purpose, clock = systemClock, signal } = options;
    const address = lockAddress(name);
    try {
      return await waitFor(() => MachineLock.tryAcquire(address, purpose), {
        deadlineMs,
        intervalMs: 25,
        what: `the lock ${name}`,
        clock,
        signal,
      });
    } catch (error) {
      if (!(error instanceof HeddleError && error.code === 'deadline')) throw error;
      const holder = (await MachineLock.holder(name)) ?? 'nobody any more, try again';
      throw new HeddleError('unavailable', `${name} is locked, still after ${deadlineMs} ms, by: ${holder}`);
    }
  }

  /** What the lock is held for now, or nothing when it is free. */
  static holder(name: string): Promise<string | undefined> {
    return new Promise((resolve, reject) => {
      let purpose = '';
      const socket = connect({ path: lockAddress(name) });
      socket.setEncoding('utf8');
      socket.setTimeout(1_000, () => socket.destroy());
      socket.on('data', (text: string) => (purpose += text));
      socket.once('error', (error) => {
        // RESET: the holder let go while answering.
        if (isErrno(error, 'ECONNREFUSED', 'ENOENT', 'ECONNRESET')) resolve(undefined);
        else reject(error);
      });
      // A holder that is stopped or busy answers nothing, but holds the lock.
      socket.once('close', () => resolve(purpose || 'a process that does not answer'));
    });
  }

  /** Lets go. Harmless when repeated. */
  release(): Promise<void> {
    return new Promise((resolve) => this.server.close(() => resolve()));
  }

  private static tryAcquire(address: string, purpose: string): Promise<MachineLock | undefined> {
    return new Promise((resolve, reject) => {
      const server = createServer((socket) => {
        socket.on('error', () => socket.destroy());
        socket.end(purpose);
      });
      server.once('error', (error) => {
        if (isErrno(error, 'EADDRINUSE')) resolve(undefined);
        else reject(error);
      });
      server.listen(address, () => resolve(new MachineLock(server)));
    });
  }
}

function lockAddress(name: string): string {
  if (!/^[\x21-\x7e]{1,90}$/.test(name)) {
    throw new HeddleError(
      'invalid',
      `a lock's name is 1 to 90 printable ASCII characters without spaces, not "${name}"`,
    );
  }
  return `\0${`heddle:${name}`.padEnd(NAME_LENGTH, '.')}`;
}

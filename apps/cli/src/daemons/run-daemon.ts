import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { isErrno } from '@heddle/host';
import { HeddleError } from '@heddle/model';

const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const;

/**
 * Runs a program in the place of this one: its standard streams, its signals, its exit status. It leads a process group
 * of its own, so that a Ctrl-C, which a terminal sends to the whole group, reaches it once and not twice.
 * @param signals where this process's signals arrive
 * @returns the exit status, as a shell counts it when a signal ended the program
 */
export function runInPlace(
  argv: readonly string[],
  signals: Pick<NodeJS.EventEmitter, 'on' | 'off'> = process,
): Promise<number> {
  const [command = '', ...args] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: 'inherit', detached: true });
    const forward = (signal: NodeJS.Signals): void => void child.kill(signal);
    const forget = (): void => {
      for (const signal of FORWARDED) signals.off(signal, forward);
    };
    for (const signal of FORWARDED) signals.on(signal, forward);
    child.once('error', (cause) => {
      forget();
      const what = isErrno(cause, 'ENOENT', 'EACCES') ? `${command} cannot be run` : `${command} failed`;
      reject(new HeddleError('internal', `${what}: ${cause.message}`, { cause }));
    });
    child.once('exit', (code, signal) => {
      forget();
      resolve(code ?? 128 + (signal ? constants.signals[signal] : 0));
    });
  });
}

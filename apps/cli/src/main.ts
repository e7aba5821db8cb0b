import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { isErrno, systemClock, SystemFiles } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import { checkBuilt, daemonArgv, daemonOf } from './daemons/daemons';
import { runInPlace } from './daemons/run-daemon';
import { errorText } from './errors';
import { EXIT, exitCodeOf } from './exit-codes';
import { InterruptedError } from './interrupt';
import type { Labs } from './lab/port';
import { runCli } from './program';
import { plainStyle } from './render/style';
import { processTerminal } from './terminal';

/** The folder with all applications: this file is in `cli/dist`, as its source is in `cli/src`. */
const APPS = path.resolve(__dirname, '..', '..');

async function main(argv: readonly string[]): Promise<number> {
  const daemon = daemonOf(argv);
  if (daemon) {
    checkBuilt([daemon.daemon], APPS, existsSync);
    return runInPlace([...daemonArgv(daemon.daemon, APPS), ...daemon.args]);
  }
  return runCli(argv, {
    terminal: processTerminal(),
    env: process.env,
    home: homedir(),
    userId: process.getuid?.(),
    stdin: process.stdin,
    files: new SystemFiles(),
    clock: systemClock,
    signal: untilInterrupted(),
    loadLab,
  });
}

async function loadLab(): Promise<Labs> {
  try {
    return (await import('./lab/labs')).machineLabs(APPS);
  } catch (error) {
    if (!isErrno(error, 'MODULE_NOT_FOUND')) throw error;
    throw new HeddleError('state', `the lab is not built: run npm run build first (${error.message.split('\n')[0]})`);
  }
}

/** Aborts at the first signal, so that what runs can end in order; the second one ends the process. */
function untilInterrupted(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (controller.signal.aborted) process.exit(EXIT.interrupted);
      controller.abort(new InterruptedError(signal));
    });
  }
  return controller.signal;
}

/** Who reads our output may stop before its end, as `head` does. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.ok);
  throw error;
});

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write(errorText(error, plainStyle));
    process.exitCode = exitCodeOf(error);
  },
);

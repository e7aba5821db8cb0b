import { HeddleError } from '@heddle/model';
import { describeSettings, readSettings, type Settings } from '../config/settings';
import { createLog, type Log, type LogLevels } from '../logging/log';

/** How a program ends, for whoever started it (an init system, a script). */
export const EXIT = { ok: 0, failed: 1, usage: 2 } as const;

/** Milliseconds from the request to stop until the program ends whatever happens. */
export const STOP_GRACE_MS = 10_000;

/** What a program does with its process; tests give another one. */
export type ProcessPort = Pick<NodeJS.Process, 'argv' | 'env' | 'on' | 'exit' | 'stdout' | 'stderr'>;

export interface Runtime {
  readonly log: Log;
  /** Aborts when the program is asked to stop while it still starts. */
  readonly signal: AbortSignal;
  /** Ends the program because something it cannot do without is gone for good. */
  fail(error: HeddleError): void;
}

export interface Program<C extends { readonly logLevels: LogLevels }> {
  /** As its user calls it: `heddle-policy`. */
  readonly name: string;
  readonly summary: string;
  readonly settings: Settings<C>;
  /** Starts everything; what it resolves to stops it again, within the grace if it can. */
  start(config: C, runtime: Runtime): Promise<{ stop(graceMs: number): Promise<void> }>;
}

/**
 * The life of a program: reads its settings, starts it, and on SIGTERM or SIGINT stops it within a bounded time. A second
 * signal ends it at once. Exit status: 0 stopped as asked, 1 failed, 2 wrong settings.
 */
export async function runProgram<C extends { readonly logLevels: LogLevels }>(
  program: Program<C>,
  process: ProcessPort = globalThis.process,
): Promise<void> {
  const argv = process.argv.slice(2);
  if (argv.includes('--help') || argv.includes('-h')) {
    process.stdout.write(`${program.name}: ${program.summary}\n\n${describeSettings({ ...program.settings })}\n`);
    process.exit(EXIT.ok);
    return;
  }
  let config: C;
  try {
    config = readSettings(program.settings, { argv, env: process.env });
  } catch (error) {
    process.stderr.write(`${program.name}: wrong settings\n${HeddleError.from(error).message}\n`);
    process.exit(EXIT.usage);
    return;
  }

  const log = createLog(config.logLevels);
  const aborting = new AbortController();
  // In a turn of its own, so that everything above is in place whatever it does first.
  const running = Promise.resolve().then(() =>
    program.start(config, {
      log,
      signal: aborting.signal,
      fail: (error) => fatal(error, error.message),
    }),
  );
  let ending = false;

  const end = async (code: number): Promise<void> => {
    if (ending) return;
    ending = true;
    const forced = setTimeout(() => {
      log.error(`not stopped within ${STOP_GRACE_MS} ms; leaving`);
      process.exit(EXIT.failed);
    }, STOP_GRACE_MS);
    aborting.abort(new HeddleError('unavailable', `${program.name} was asked to stop`, { retryable: false }));
    const stopped = await stop(running, log);
    clearTimeout(forced);
    process.exit(stopped ? code : EXIT.failed);
  };
  const fatal = (error: unknown, what: string): void => {
    log.fatal({ err: error }, what);
    void end(EXIT.failed);
  };

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (ending) process.exit(EXIT.failed);
      log.info({ signal }, 'stopping');
      void end(EXIT.ok);
    });
  }
  process.on('uncaughtException', (error) => fatal(error, 'uncaught exception'));
  process.on('unhandledRejection', (error) => fatal(error, 'unhandled rejection'));

  try {
    await running;
  } catch (error) {
    if (!ending) fatal(error, `cannot start: ${HeddleError.from(error).message}`);
  }
}

/** Stops what was started, also when it is still starting. Returns whether that went well. */
async function stop(running: Promise<{ stop(graceMs: number): Promise<void> }>, log: Log): Promise<boolean> {
  const started = await running.catch(() => undefined);
  try {
    await started?.stop(STOP_GRACE_MS / 2);
    return true;
  } catch (error) {
    log.error({ err: error }, 'stopping failed');
    return false;
  }
}

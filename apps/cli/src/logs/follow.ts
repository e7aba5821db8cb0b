import type { Clock } from '@heddle/host';
import type { LogLine } from '@heddle/model';
import { toHeddleError } from '../errors';

const LOOK_EVERY_MS = 2000;

export interface FollowLogsOptions {
  /** Paths of the allocations to follow now; asked again and again, since instances come and go. */
  readonly wanted: () => Promise<readonly string[]>;
  readonly open: (allocation: string, tail: number | undefined, signal: AbortSignal) => Promise<AsyncIterable<LogLine>>;
  /** Lines of the past to begin with. */
  readonly tail: number | undefined;
  readonly onLine: (allocation: string, line: LogLine) => void;
  /** Called with what went wrong, once for each kind of trouble in a row. */
  readonly onTrouble: (message: string) => void;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * Follows the output of several containers until none of them is wanted any more. One that appears later is shown from
 * its beginning; one whose stream broke goes on with what is new.
 */
export async function followLogs(options: FollowLogsOptions): Promise<void> {
  const { wanted, clock, signal, onTrouble } = options;
  const running = new Map<string, Promise<void>>();
  const known = new Set<string>();
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  let trouble = '';
  const report = (error: unknown): void => {
    if (either.aborted) return;
    const { message } = toHeddleError(error);
    if (message !== trouble) onTrouble(message);
    trouble = message;
  };
  try {
    for (let first = true; ; first = false) {
      const paths = await wanted().catch((error: unknown) => {
        signal.throwIfAborted();
        if (first || !toHeddleError(error).retryable) throw error;
        report(error);
        return undefined;
      });
      if (paths?.length === 0 && running.size === 0) return;
      for (const path of paths ?? []) {
        if (running.has(path)) continue;
        const tail = known.has(path) ? 0 : first ? options.tail : undefined;
        known.add(path);
        const copying = copy(options, path, tail, either)
          .catch(report)
          .finally(() => running.delete(path));
        running.set(path, copying);
      }
      await clock.sleep(LOOK_EVERY_MS, signal);
    }
  } finally {
    stop.abort();
    await Promise.all(running.values());
  }
}

async function copy(
  { open, onLine }: Pick<FollowLogsOptions, 'open' | 'onLine'>,
  path: string,
  tail: number | undefined,
  signal: AbortSignal,
): Promise<void> {
  for await (const line of await open(path, tail, signal)) onLine(path, line);
}

import { HeddleError } from '@heddle/model';

export interface Deadline {
  /** What is being done, for the error message: `start container 3f2a`. */
  readonly what: string;
  readonly ms: number;
  /** Ends the work early. */
  readonly signal?: AbortSignal | undefined;
  /** What a person can do about it, appended to the message. */
  readonly advice?: string;
}

/**
 * Runs `work` until it settles, the deadline passes (`deadline`) or the caller gives up (`unavailable`), whichever comes
 * first. The signal given to `work` is aborted in the latter two cases; a late result is dropped.
 */
export async function withDeadline<T>(deadline: Deadline, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const { what, ms, signal, advice } = deadline;
  if (signal?.aborted) throw cancelled(what, signal);
  const controller = new AbortController();
  const cleanups: (() => void)[] = [];
  const ended = new Promise<never>((_, reject) => {
    const end = (error: HeddleError): void => {
      reject(error);
      controller.abort(error);
    };
    const timer = setTimeout(
      () => end(new HeddleError('deadline', `${what} did not finish within ${ms} ms${advice ? `; ${advice}` : ''}`)),
      ms,
    );
    cleanups.push(() => clearTimeout(timer));
    if (signal) {
      const onAbort = (): void => end(cancelled(what, signal));
      signal.addEventListener('abort', onAbort, { once: true });
      cleanups.push(() => signal.removeEventListener('abort', onAbort));
    }
  });
  try {
    return await Promise.race([work(controller.signal), ended]);
  } finally {
    for (const cleanup of cleanups) cleanup();
  }
}

/** The error of work that its caller ended; the caller's own HeddleError is kept. */
export function cancelled(what: string, signal: AbortSignal): HeddleError {
  if (signal.reason instanceof HeddleError) return signal.reason;
  return new HeddleError('unavailable', `${what} was cancelled`, { cause: signal.reason });
}

import { setMaxListeners } from 'node:events';

/**
 * An abort controller that also fires with any of the given signals, with that one's reason. `release` drops its hold on
 * them: `AbortSignal.any` keeps one for as long as the signals live, and those of services live long.
 */
export class LinkedAbort {
  private readonly controller = new AbortController();
  private readonly unlinks: (() => void)[];

  constructor(...signals: readonly (AbortSignal | undefined)[]) {
    this.unlinks = signals.flatMap((source) => {
      if (!source) return [];
      const onAbort = (): void => this.controller.abort(source.reason);
      if (source.aborted) onAbort();
      // One signal may end many calls; each lets go of it, so that Node's warning of a leak would be a false one.
      setMaxListeners(0, source);
      source.addEventListener('abort', onAbort, { once: true });
      return [() => source.removeEventListener('abort', onAbort)];
    });
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  abort(reason?: unknown): void {
    this.controller.abort(reason);
  }

  release(): void {
    for (const unlink of this.unlinks.splice(0)) unlink();
  }
}

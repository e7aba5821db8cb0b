import type { Engine } from '@heddle/docker';
import { systemClock, type Clock } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import { LABEL } from '../runtime/labels';
import type { Runtime } from '../runtime/runtime';

/** How often everything is compared, whatever the events say: they are a hint. */
const RESYNC_MS = 10_000;
const AGAIN_MS = 1_000;
const TELLING: ReadonlySet<string> = new Set(['start', 'die', 'destroy']);

/** Has the runtime look at what the engine reports, and at everything from time to time, until the signal aborts. */
export function followEngine(
  engine: Engine,
  runtime: Pick<Runtime, 'lookAt' | 'resynchronise'>,
  options: { readonly signal: AbortSignal; readonly onError: (error: HeddleError) => void; readonly clock?: Clock },
): void {
  const { signal, onError, clock = systemClock } = options;
  const timer = clock.every(RESYNC_MS, () => void runtime.resynchronise());
  signal.addEventListener('abort', () => timer.cancel(), { once: true });

  const follow = async (): Promise<void> => {
    for await (const event of engine.events({ labels: { [LABEL.allocation]: true }, signal })) {
      if (event.kind === 'resync') void runtime.resynchronise();
      else if (TELLING.has(event.action)) runtime.lookAt(event.labels[LABEL.allocation]);
    }
  };
  const forever = async (): Promise<void> => {
    while (!signal.aborted) {
      try {
        await follow();
      } catch (error) {
        if (!signal.aborted) onError(HeddleError.from(error));
      }
      await clock.sleep(AGAIN_MS, signal).catch(() => undefined); // aborted, which ends the loop
    }
  };
  void forever();
}

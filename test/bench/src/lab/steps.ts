import type { Clock } from '@heddle/host';
import type { ProgressEvent } from '@heddle/lab';

/** How long each kind of step took: where several nodes do the same side by side, the slowest of them. */
export class StepTimes {
  private readonly longest = new Map<string, number>();

  constructor(private readonly clock: Pick<Clock, 'monotonic'>) {}

  readonly onProgress = ({ node, step, state, ms = 0 }: Omit<ProgressEvent, 'lab'>): void => {
    if (state === 'done') this.note(nameOf(node, step), ms);
  };

  /** Does a step that the lab does not report by itself. */
  async timed(name: string, work: () => Promise<unknown>): Promise<void> {
    const started = this.clock.monotonic();
    await work();
    this.note(name, this.clock.monotonic() - started);
  }

  /** Seconds by step, in the order in which the first of each kind was done. */
  get seconds(): ReadonlyMap<string, number> {
    return new Map([...this.longest].map(([name, ms]) => [name, ms / 1_000]));
  }

  private note(name: string, ms: number): void {
    this.longest.set(name, Math.max(ms, this.longest.get(name) ?? 0));
  }
}

/** Hosts are alike and take the same steps; the leaf and the control plane's node are named. */
function nameOf(node: string | undefined, step: string): string {
  const kind = node === undefined ? 'lab' : node === 'leaf' ? 'leaf' : node === 'ctl' ? 'control node' : 'host';
  return `${kind}: ${step.replace(/^connect .*/, (whole) => (whole === 'connect ctl' ? whole : 'connect a host'))}`;
}

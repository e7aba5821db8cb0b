import type { Clock, Timer } from '@heddle/host';
import type { Traffic } from '@heddle/model';
import type { Switch } from '@heddle/ovs';
import { TRAFFIC_FILTERS, trafficOf } from '@heddle/pipeline';

/** How often the counters are read: there are some flows for each endpoint. */
export const TRAFFIC_MS = 10_000;
const DEADLINE_MS = 2_000;

export type TrafficById = Readonly<Record<string, Traffic>>;

/** Reads from time to time what each endpoint of a switch has sent and received. */
export class TrafficSampler {
  private fresh: TrafficById | undefined;
  private readonly timer: Timer;
  private reading = false;

  /** @param ids endpoints that have flows now */
  constructor(
    private readonly bridge: Pick<Switch, 'dump' | 'connected'>,
    private readonly ids: () => Iterable<string>,
    clock: Pick<Clock, 'every'>,
  ) {
    this.timer = clock.every(TRAFFIC_MS, () => void this.sample());
  }

  /** What was read since this was last asked for, if anything was. */
  take(): TrafficById | undefined {
    const { fresh } = this;
    this.fresh = undefined;
    return fresh;
  }

  close(): void {
    this.timer.cancel();
  }

  private async sample(): Promise<void> {
    if (!this.bridge.connected || this.reading) return;
    this.reading = true;
    try {
      const flows = [];
      for (const filter of TRAFFIC_FILTERS) flows.push(...(await this.bridge.dump(filter, DEADLINE_MS)));
      this.fresh = trafficOf(this.ids(), flows);
    } catch {
      // The switch went away meanwhile; that is told by others, and the next sample is tried in its time.
      this.fresh = undefined;
    } finally {
      this.reading = false;
    }
  }
}

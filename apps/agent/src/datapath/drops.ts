import type { Clock, Timer } from '@heddle/host';
import type { Switch } from '@heddle/ovs';
import { DROP_COOKIES, DROP_REASONS, dropReasonOf, type DropReason } from '@heddle/pipeline';
import { Counter, type Registry } from 'prom-client';

/** Packets by the reason for which a fixed flow dropped them, since that flow is on the switch. */
export type Drops = Readonly<Record<DropReason, number>>;

/** How often the counters are read for the heartbeat. */
export const SAMPLE_MS = 10_000;
/** Whoever scrapes waits for it. */
const DEADLINE_MS = 2_000;

/** Reads the counters; asks the switch for the few flows that have them. @throws HeddleError `unavailable`, `deadline` */
export async function readDrops(bridge: Pick<Switch, 'dump'>): Promise<Drops> {
  const drops = Object.fromEntries(Object.keys(DROP_REASONS).map((reason) => [reason, 0])) as Record<
    DropReason,
    number
  >;
  for (const { cookie, packets } of await bridge.dump(DROP_COOKIES, DEADLINE_MS)) {
    const reason = dropReasonOf(cookie);
    if (reason !== undefined) drops[reason] += Number(packets);
  }
  return drops;
}

/** Keeps what was read last, for whoever cannot wait for the switch. */
export class DropSampler {
  private last: Drops | undefined;
  private readonly timer: Timer;

  constructor(
    private readonly bridge: Pick<Switch, 'dump' | 'connected'>,
    clock: Pick<Clock, 'every'>,
  ) {
    this.timer = clock.every(SAMPLE_MS, () => this.sample());
  }

  /** Undefined before the first time, and while the switch is away: its counters begin anew then. */
  get drops(): Drops | undefined {
    return this.last;
  }

  close(): void {
    this.timer.cancel();
  }

  private sample(): void {
    const take = (drops: Drops | undefined): void => void (this.last = drops);
    if (!this.bridge.connected) return take(undefined);
    readDrops(this.bridge).then(take, () => take(undefined));
  }
}

/** Adds the counters to a page of metrics, read anew for each; while the switch is away there are none. */
export function addDropMetrics(registry: Registry, bridge: Pick<Switch, 'dump'>): void {
  new Counter({
    name: 'heddle_dropped_packets_total',
    help: 'Packets that no flow passed on, by reason; counted by the switch since it has the flow.',
    labelNames: ['reason'],
    registers: [registry],
    async collect() {
      const drops = await readDrops(bridge).catch(() => ({}));
      this.reset();
      for (const [reason, packets] of Object.entries(drops)) this.inc({ reason }, packets);
    },
  });
}

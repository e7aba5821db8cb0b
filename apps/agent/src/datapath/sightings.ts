import type { Clock } from '@heddle/host';
import type { Sighting } from '@heddle/model';
import type { Switch } from '@heddle/ovs';
import { sightingOf } from '@heddle/pipeline';

/** The most that are kept until they are told: one that goes on is seen again. */
const MOST = 100;

/** Addresses that were claimed where their endpoints are not, since that was last told. */
export class Sightings {
  private readonly seen = new Map<string, Sighting>();
  private readonly unsubscribe: () => void;

  /** @param portName name of the port of the bridge with a number */
  constructor(
    bridge: Pick<Switch, 'onPacketIn'>,
    private readonly portName: (port: number) => string | undefined,
    private readonly clock: Pick<Clock, 'now'>,
  ) {
    this.unsubscribe = bridge.onPacketIn((packet) => {
      const sighting = sightingOf(packet);
      if (sighting) this.add({ ...sighting, port: this.portName(sighting.port) ?? String(sighting.port) });
    });
  }

  /** Each claim once, however often it was made. They are gone from here then. */
  take(): readonly Sighting[] {
    const all = [...this.seen.values()];
    this.seen.clear();
    return all;
  }

  close(): void {
    this.unsubscribe();
  }

  private add(sighting: Omit<Sighting, 'at'>): void {
    const { mac, address, port, vlan } = sighting;
    const key = `${mac} ${address} ${port} ${vlan}`;
    if (this.seen.size >= MOST && !this.seen.has(key)) return;
    this.seen.set(key, { ...sighting, at: new Date(this.clock.now()).toISOString() });
  }
}

import type { DistributedEndpoint, EndpointView, Sighting } from '@heddle/model';

/** How long an endpoint is shown with what was seen of its addresses elsewhere. */
const SHOWN_MS = 5 * 60_000;
/** The same sighting is told as an event once in this time. */
const TOLD_EVERY_MS = 60_000;
/** The most that are kept: a host can send many. */
const MOST = 1_000;

interface Seen {
  readonly endpoint: string;
  readonly message: string;
  told: number;
  last: number;
}

/** A sighting that is worth an event. */
export interface ToldSighting {
  /** Id of the endpoint whose address was claimed elsewhere. */
  readonly endpoint: string;
  readonly message: string;
}

/**
 * What hosts and leaves saw of addresses at places where their endpoints are not. Bounded in number, and in how often it is told:
 * who sends forged packets must not fill the stream of events.
 */
export class Sightings {
  private readonly seen = new Map<string, Seen>();

  /**
   * @param host who saw it
   * @param owners the endpoints whose address it is
   * @param now ms since the epoch
   * @returns what is to be told
   */
  take(
    host: string,
    { mac, address, port, vlan }: Sighting,
    owners: readonly Pick<DistributedEndpoint, 'id'>[],
    now: number,
  ): ToldSighting[] {
    return owners.flatMap(({ id }) => {
      const key = `${id} ${host} ${port} ${vlan ?? ''} ${mac} ${address}`;
      const place = `port ${port} of ${host}${vlan === undefined ? '' : `, VLAN ${vlan}`}`;
      const message = `its address ${address} was claimed with MAC ${mac} at ${place}, where it is not; what came from there was dropped`;
      const known = this.seen.get(key);
      const seen = known ?? { endpoint: id, message, told: -Infinity, last: now };
      seen.last = now;
      // The newest is the last one of the map.
      this.seen.delete(key);
      this.seen.set(key, seen);
      if (now - seen.told < TOLD_EVERY_MS) return [];
      seen.told = now;
      this.forget(now);
      return [{ endpoint: id, message }];
    });
  }

  /** What was seen lately of an endpoint, one sentence each. */
  problemsOf({ id }: Pick<EndpointView, 'id'>, now: number): string[] {
    return [...this.seen.values()]
      .filter(({ endpoint, last }) => endpoint === id && now - last < SHOWN_MS)
      .map(({ message }) => message);
  }

  private forget(now: number): void {
    for (const [key, { last }] of this.seen) {
      if (this.seen.size <= MOST && now - last < SHOWN_MS) return;
      this.seen.delete(key);
    }
  }
}

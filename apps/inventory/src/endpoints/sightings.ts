import type { EndpointView, Sighting } from '@heddle/model';
import type { ClaimKind } from './endpoint-index';

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

/** An endpoint that a sighting is about, and in what way. */
export interface Claimed {
  readonly endpoint: Pick<EndpointView, 'id' | 'mac'>;
  readonly kind: ClaimKind;
}

/** A sighting that is worth an event. */
export interface ToldSighting {
  /** Id of the endpoint. */
  readonly endpoint: string;
  readonly kind: ClaimKind;
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
   * @param claimed the endpoints whose address or MAC it has
   * @param now ms since the epoch
   * @returns what is to be told
   */
  take(host: string, sighting: Sighting, claimed: readonly Claimed[], now: number): ToldSighting[] {
    const { mac, address, port, vlan } = sighting;
    return claimed.flatMap(({ endpoint, kind }) => {
      const { id } = endpoint;
      const key = `${id} ${kind} ${host} ${port} ${vlan ?? ''} ${mac} ${address}`;
      const message = messageOf(kind, host, sighting, endpoint.mac);
      const known = this.seen.get(key);
      const seen = known ?? { endpoint: id, message, told: -Infinity, last: now };
      seen.last = now;
      // The newest is the last one of the map.
      this.seen.delete(key);
      this.seen.set(key, seen);
      if (now - seen.told < TOLD_EVERY_MS) return [];
      seen.told = now;
      this.forget(now);
      return [{ endpoint: id, kind, message }];
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

function messageOf(kind: ClaimKind, host: string, { mac, address, port, vlan }: Sighting, own: string): string {
  const place = `port ${port} of ${host}${vlan === undefined ? '' : `, VLAN ${vlan}`}`;
  const dropped = 'what came from there was dropped';
  switch (kind) {
    case 'address-elsewhere':
      return `its address ${address} was claimed with MAC ${mac} at ${place}, where it is not; ${dropped}`;
    case 'mac-elsewhere':
      return `its MAC ${mac} was used with address ${address} at ${place}, where it is not; ${dropped}`;
    case 'other-mac':
      return `its address ${address} was used with MAC ${mac} at ${place}, where its MAC ${own} is expected; ${dropped}`;
  }
}

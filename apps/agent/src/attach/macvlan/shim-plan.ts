import { HeddleError } from '@heddle/model';
import type { LinkAttachment, LinkConfiguration } from '../../link/protocol';
import type { MacvlanEndpoint } from './facts';
import type { ParentPlace } from './parents';

type MacvlanAttachment = Extract<LinkAttachment, { driver: 'macvlan' }>;

/** An interface that the host is to have in an EPG. */
export interface WantedShim {
  readonly epg: string;
  readonly bridgeDomain: string;
  readonly attachment: MacvlanAttachment;
  /** Addresses of the containers that the host reaches through it. */
  readonly containers: readonly string[];
}

export interface ShimPlan {
  readonly shims: readonly WantedShim[];
  readonly problems: readonly HeddleError[];
}

/**
 * The interfaces that the host is to have: one in each EPG that asks for it and has containers here. Pure.
 *
 * @param attached the containers of this host that are children of an uplink
 */
export function planShims(attached: readonly MacvlanEndpoint[], { attachments = {} }: LinkConfiguration): ShimPlan {
  const shims: WantedShim[] = [];
  const problems: HeddleError[] = [];
  const takenBy = new Map<string, string>();
  for (const [epg, attachment] of Object.entries(attachments).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (attachment.driver !== 'macvlan' || !attachment.shim) continue;
    const endpoints = attached.filter((each) => each.epg === epg && samePlace(each.macvlan, attachment));
    const [first] = endpoints;
    if (!first) continue;
    const containers = endpoints
      .map(({ address }) => address)
      .sort()
      .filter((address) => {
        const other = takenBy.get(address);
        if (other === undefined) takenBy.set(address, epg);
        else if (other !== epg) problems.push(ambiguous(address, epg, other));
        return other === undefined;
      });
    shims.push({ epg, bridgeDomain: first.bridgeDomain, attachment, containers });
  }
  return { shims, problems };
}

/** Whether both are children of the same parent. */
export const samePlace = (a: ParentPlace, b: ParentPlace): boolean =>
  a.uplink === b.uplink && a.tagging === b.tagging && (a.tagging === 'access' || a.vlan === b.vlan);

const ambiguous = (address: string, epg: string, other: string): HeddleError =>
  new HeddleError(
    'conflict',
    `the host cannot reach ${address} of ${epg}: ${other} of another VRF has a container with that address, and a host has one route for it; only one of the two can have a shim here`,
  );

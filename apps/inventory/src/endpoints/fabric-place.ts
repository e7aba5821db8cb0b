import type { VlanIndex } from '@heddle/ipam';
import {
  isIpv4,
  type DomainSpec,
  type FabricPlace,
  type HeddleObject,
  type HostSpec,
  type ReportedAttachment,
} from '@heddle/model';
import type { InventoryObjects } from '../objects';

/** What an endpoint is reached by, apart from its own host's tunnels. */
export interface Reach {
  readonly fabric?: FabricPlace;
  /** Underlay address of who speaks for it in tunnels; empty where nobody does. */
  readonly underlay: string;
  /** Why its frames do not travel the fabric of its EPG, for people. */
  readonly problem?: string;
}

/**
 * Where an endpoint that a host reports is on a fabric, and who speaks for it in tunnels. What its frames look like on the cable
 * is as the host says, in a VLAN that its EPG has or had: it may be older than the EPG's Domain of today.
 */
export function reachOf(
  objects: InventoryObjects,
  vlans: VlanIndex,
  host: HeddleObject<'Host'>,
  epg: string,
  attachment: ReportedAttachment,
): Reach {
  const { name } = host.metadata;
  const own = attachment.driver === 'ovs' && endsTunnels(host.spec) ? host.spec.underlay : undefined;
  const vlan = attachment.vlan ?? givenVlan(objects, vlans, epg, attachment.driver);
  if (vlan === undefined) {
    const problem =
      attachment.driver === 'macvlan' ? `EPG ${epg} has no VLAN, so the fabric does not carry its frames` : undefined;
    return { underlay: own ?? '', ...(problem === undefined ? {} : { problem }) };
  }
  const entry = vlans.entryOf(epg, vlan);
  if (!entry)
    return { underlay: own ?? '', problem: `VLAN ${vlan}, which it is in on ${name}, is not that of EPG ${epg}` };
  const domain = objects.domains.get(entry.domain)?.spec;
  if (domain?.driver !== attachment.driver) {
    const message = `it is attached by driver ${attachment.driver}, and Domain ${entry.domain} of VLAN ${vlan} is of another, or gone`;
    return { underlay: own ?? '', problem: message };
  }
  const uplink = uplinkOf(host.spec, domain, attachment);
  if (uplink?.leaf === undefined || uplink.port === undefined) {
    const message = `host ${name} does not say which port of which leaf its uplink "${domain.uplink}" is cabled to`;
    return { underlay: own ?? '', problem: message };
  }
  const { leaf, port } = uplink;
  const tagged = domain.driver === 'ovs' || domain.tagging === 'trunk';
  return {
    underlay: own ?? leafUnderlay(objects, leaf),
    fabric: {
      leaf,
      port,
      ...(tagged ? { vlan } : {}),
      via: attachment.driver,
      hairpin: attachment.driver === 'macvlan' && attachment.mode !== 'private',
    },
  };
}

/** The address of a leaf's end of tunnels; empty for one that has none, such as a leaf of an APIC. */
export function leafUnderlay({ hosts }: InventoryObjects, leaf: string): string {
  const spec = hosts.get(leaf)?.spec;
  return spec?.role === 'leaf' && endsTunnels(spec) ? spec.underlay : '';
}

/** A host of before tunnels could be left out says nothing of them. */
const endsTunnels = ({ tunnels, underlay }: HostSpec): boolean => tunnels !== false && isIpv4(underlay);

/** The VLAN that the EPG of an endpoint has now, where its Domain attaches by the same driver. */
function givenVlan(
  { epgs, domains }: InventoryObjects,
  vlans: VlanIndex,
  epg: string,
  driver: DomainSpec['driver'],
): number | undefined {
  const object = epgs.get(epg);
  const domain = object?.spec.domain ?? '';
  if (domains.get(domain)?.spec.driver !== driver) return undefined;
  return vlans.vlanOf({ domain, epgUid: object?.metadata.uid ?? '' });
}

/** By the interface that the endpoint is on, which may have another name by now; else by the name that the Domain gives. */
function uplinkOf({ uplinks }: HostSpec, domain: DomainSpec, attachment: ReportedAttachment) {
  const named = uplinks[domain.uplink ?? ''];
  if (attachment.driver !== 'macvlan' || named?.interface === attachment.uplink) return named;
  return Object.values(uplinks).find((uplink) => uplink.interface === attachment.uplink) ?? named;
}

import { applyChange } from '@heddle/admission';
import type { BlockTable, VlanTable } from '@heddle/ipam';
import {
  contains,
  IPV4_ONLY,
  isIpv4,
  parseAddress,
  parseCidr,
  type AnyObject,
  type Change,
  type Problem,
} from '@heddle/model';
import { ownFactProblems } from './check-hosts';
import { leafProblems } from './check-leaves';
import { checkVlans } from './check-vlans';
import { inventoryObjects, segmentOf, type InventoryObjects } from './objects';
import type { HeardOfVlans } from './vlans';

/** What the holder of the lease knows; other instances check by the objects alone. */
export interface Given {
  readonly blocks: BlockTable;
  /** Names of the hosts that have said of themselves what they are. */
  readonly registered: ReadonlySet<string>;
  readonly vlans: { readonly table: VlanTable; readonly heard: HeardOfVlans & { readonly position: number } };
}

/**
 * What the inventory knows of a change that nobody else does: Domains that EPGs name, subnets and addresses in blocks that were
 * leased to hosts, VLANs that were given, leaves that two Fabrics would share, and hosts that no tunnel leads to or that say of
 * themselves something else.
 */
export function checkAfter(
  objects: ReadonlyMap<string, AnyObject>,
  change: Change,
  given: Given | undefined,
): Problem[] {
  const entries = applyChange(objects, change);
  const [before, after] = [inventoryObjects(objects), inventoryObjects(entries)];
  return [
    ...domainProblems(after),
    ...subnetProblems(entries, given?.blocks, change),
    ...underlayProblems(change),
    ...ownFactProblems(before, change, given?.registered),
    ...leafProblems(before, after, change),
    // What was wrong before is not held against the change: it may be the one that mends something else.
    ...fresh(blockProblems(before, given?.blocks), blockProblems(after, given?.blocks)),
    ...checkVlans(before, after, given?.vlans),
  ];
}

function fresh(before: readonly Problem[], after: readonly Problem[]): Problem[] {
  const known = new Set(before.map(({ path, message }) => `${path} ${message}`));
  return after.filter(({ path, message }) => !known.has(`${path} ${message}`));
}

function domainProblems({ epgs, domains }: InventoryObjects): Problem[] {
  // Before the first start has made it, the domain named default is taken as given.
  const known = new Set([...domains.keys(), 'default']);
  return [...epgs].flatMap(([path, { spec }]) =>
    known.has(spec.domain)
      ? []
      : [
          {
            path: `Epg ${path} spec.domain`,
            message: `found "${spec.domain}", which is no Domain; allowed are ${[...known].join(', ')}`,
          },
        ],
  );
}

/** A subnet from which a host holds a block cannot go, or endpoints would lose their gateway. */
function subnetProblems(
  after: ReadonlyMap<string, AnyObject>,
  blocks: BlockTable | undefined,
  change: Change,
): Problem[] {
  const changed = new Set(change.objects.filter((o) => o.key.startsWith('BridgeDomain/')).map((o) => o.key));
  return (blocks?.leases ?? []).flatMap(({ bridgeDomain, block, host }) => {
    const key = `BridgeDomain/${bridgeDomain}`;
    const object = after.get(key);
    if (!changed.has(key) || object?.kind !== 'BridgeDomain') return [];
    const address = parseAddress(block.split('/')[0] ?? '');
    const covered = object.spec.subnets.some(({ gateway }) => {
      const subnet = parseCidr(gateway);
      return subnet && address && contains(subnet, address);
    });
    if (covered) return [];
    return [
      {
        path: `BridgeDomain ${bridgeDomain} spec.subnets`,
        message: `the subnet of block ${block}, which host ${host} holds, would go; remove the services that use it and the host first, or keep the subnet`,
      },
    ];
  });
}

/** Addresses of virtual machines and servers that a host may give to a container at any moment. */
function blockProblems(objects: InventoryObjects, blocks: BlockTable | undefined): Problem[] {
  if (!blocks || objects.endpoints.size === 0) return [];
  const leases = blocks.leases.flatMap((lease) => {
    const cidr = parseCidr(lease.block);
    return cidr ? [{ ...lease, cidr }] : [];
  });
  return [...objects.endpoints].flatMap(([path, object]) => {
    const binding = objects.binder.bind(object);
    const segment = binding.state === 'bound' ? segmentOf(objects, binding.epg) : undefined;
    if (!segment) return [];
    return object.spec.addresses.flatMap((text, i): Problem[] => {
      const address = parseAddress(text);
      const lease = address && leases.find(({ vrf, cidr }) => vrf === segment.vrf && contains(cidr, address));
      if (!lease) return [];
      const message = `found "${text}", which is in block ${lease.block} of host ${lease.host}: a container there may have it at any moment; allowed is an address that is in no block, such as a high one of the subnet, or one of a bridge domain without containers`;
      return [{ path: `Endpoint ${path} spec.addresses[${i}]`, message }];
    });
  });
}

/** One that was accepted by an earlier version stands in nobody's way, unless it is the one that is changed. */
function underlayProblems({ objects }: Change): Problem[] {
  return objects.flatMap(({ key, after }) => {
    const object = after as AnyObject | null;
    if (object?.kind !== 'Host' || isIpv4(object.spec.underlay)) return [];
    const message = `found "${object.spec.underlay}"; allowed is ${IPV4_ONLY}`;
    return [{ path: `${key.replace('/', ' ')} spec.underlay`, message }];
  });
}

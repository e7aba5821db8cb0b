import { applyChange } from '@heddle/admission';
import type { BlockTable } from '@heddle/ipam';
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

/**
 * What the inventory knows of a change that nobody else does: domains that EPGs and hosts name, subnets from which blocks
 * are leased to hosts, and hosts that no tunnel leads to.
 */
export function checkAfter(
  objects: ReadonlyMap<string, AnyObject>,
  blocks: BlockTable | undefined,
  change: Change,
): Problem[] {
  const after = applyChange(objects, change);
  return [...domainProblems(after), ...subnetProblems(after, blocks, change), ...underlayProblems(change)];
}

function domainProblems(objects: ReadonlyMap<string, AnyObject>): Problem[] {
  const domains = [...objects.values()].filter((o) => o.kind === 'Domain').map((o) => o.metadata.name);
  // Before the first start has made it, the domain named default is taken as given.
  const known = new Set([...domains, 'default']);
  return [...objects].flatMap(([key, object]) => {
    if (object.kind !== 'Epg' || known.has(object.spec.domain)) return [];
    return [
      {
        path: `${key.replace('/', ' ')} spec.domain`,
        message: `found "${object.spec.domain}", which is no Domain; allowed are ${[...known].join(', ')}`,
      },
    ];
  });
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

/** One that was accepted by an earlier version stands in nobody's way, unless it is the one that is changed. */
function underlayProblems({ objects }: Change): Problem[] {
  return objects.flatMap(({ key, after }) => {
    const object = after as AnyObject | null;
    if (object?.kind !== 'Host' || isIpv4(object.spec.underlay)) return [];
    const message = `found "${object.spec.underlay}"; allowed is ${IPV4_ONLY}`;
    return [{ path: `${key.replace('/', ' ')} spec.underlay`, message }];
  });
}

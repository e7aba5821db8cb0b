import { contains, formatCidr, networkOf, parseCidr, type Cidr, type Problem } from '@heddle/model';
import { inTenantOf, type PolicyObjects } from './objects';
import { placeOf } from './references';

interface Subnet {
  readonly network: Cidr;
  readonly gateway: string;
  readonly bridgeDomain: string;
  readonly place: string;
}

/** Subnets of one VRF that share addresses: an address would then not tell where it is. */
export function subnetProblems(objects: PolicyObjects): Problem[] {
  return [...subnetsByVrf(objects)].flatMap(([vrf, subnets]) => {
    const problems: Problem[] = [];
    let enclosing: Subnet[] = [];
    for (const subnet of subnets.sort(compareSubnets)) {
      // Two networks are apart or one holds the other, so in this order only those that hold the present one matter.
      enclosing = enclosing.filter((other) => contains(other.network, subnet.network));
      const other = enclosing.at(-1);
      if (other) {
        problems.push({
          path: subnet.place,
          message:
            `found "${subnet.gateway}", which overlaps ${formatCidr(other.network)} of BridgeDomain ${other.bridgeDomain} ` +
            `in Vrf ${vrf}; allowed is a subnet apart from it, or a bridge domain in another VRF`,
        });
      }
      enclosing.push(subnet);
    }
    return problems;
  });
}

function subnetsByVrf(objects: PolicyObjects): Map<string, Subnet[]> {
  const byVrf = new Map<string, Subnet[]>();
  for (const [path, bd] of objects.bridgeDomains) {
    const vrf = inTenantOf(bd, bd.spec.vrf);
    const list = byVrf.get(vrf) ?? [];
    byVrf.set(vrf, list);
    bd.spec.subnets.forEach(({ gateway }, i) => {
      const cidr = parseCidr(gateway);
      if (!cidr) return;
      const place = placeOf(bd, path, `spec.subnets[${i}].gateway`);
      list.push({ network: networkOf(cidr), gateway, bridgeDomain: path, place });
    });
  }
  return byVrf;
}

/** By first address, the larger network first; what is listed earlier stays earlier. */
function compareSubnets({ network: a }: Subnet, { network: b }: Subnet): number {
  if (a.family !== b.family) return a.family - b.family;
  if (a.value !== b.value) return a.value < b.value ? -1 : 1;
  return a.prefix - b.prefix;
}

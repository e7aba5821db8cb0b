import { commonVlan } from '@heddle/ipam';
import { equipmentProblem, refOf, type HeddleObject, type Kind, type Problem } from '@heddle/model';
import { list, nameOf } from './faults';
import type { State } from './state';

type Domain = HeddleObject<'Domain'>;
type Host = HeddleObject<'Host'>;

/**
 * What Fabrics, Domains and hosts say of each other that cannot hold: pools that share a VLAN of one Fabric, one uplink for two
 * drivers, one port of a leaf for two hosts, and EPGs that an APIC could not tell apart.
 */
export function checkFabrics(state: State): Problem[] {
  const domains = ofKind(state, 'Domain');
  const hosts = ofKind(state, 'Host');
  return [
    ...fabricProblems(state, domains),
    ...poolProblems(domains),
    ...driverProblems(domains, hosts),
    ...cableProblems(hosts),
    ...accessProblems(state, domains),
  ];
}

function ofKind<K extends Kind>(state: State, kind: K): HeddleObject<K>[] {
  const all: HeddleObject[] = [...state.values()];
  return all.filter((object): object is HeddleObject<K> => object.kind === kind);
}

const at = (object: HeddleObject, field: string): string => `${nameOf(refOf(object))} spec.${field}`;

function fabricProblems(state: State, domains: readonly Domain[]): Problem[] {
  const names = ofKind(state, 'Fabric').map(({ metadata }) => metadata.name);
  return domains.flatMap((domain) => {
    const { fabric } = domain.spec;
    if (fabric === undefined || names.includes(fabric)) return [];
    const allowed = names.length > 0 ? list(names.sort()) : '(none exist: write one, such as `driver: ovs-leaf`)';
    return [{ path: at(domain, 'fabric'), message: `found "${fabric}", which is no Fabric; allowed are ${allowed}` }];
  });
}

/** A VLAN of a fabric says to its leaves which EPG a frame is of, so it is in one pool only. */
function poolProblems(domains: readonly Domain[]): Problem[] {
  return domains.flatMap((domain) =>
    domains.flatMap((other): Problem[] => {
      if (other === domain || other.spec.fabric === undefined || other.spec.fabric !== domain.spec.fabric) return [];
      const { vlans } = domain.spec;
      const vlan =
        vlans === undefined || other.spec.vlans === undefined ? undefined : commonVlan(vlans, other.spec.vlans);
      if (vlan === undefined) return [];
      const message = `found "${vlans}", which has VLAN ${vlan} in common with Domain ${other.metadata.name} of the same Fabric ${other.spec.fabric}; a VLAN of a Fabric is in one pool only: name others in one of the two`;
      return [{ path: at(domain, 'vlans'), message }];
    }),
  );
}

/** An interface is a port of the host's switch or the parent of macvlan interfaces; it cannot be both. */
function driverProblems(domains: readonly Domain[], hosts: readonly Host[]): Problem[] {
  const using = (driver: Domain['spec']['driver']): Domain[] =>
    domains.filter(({ spec }) => spec.driver === driver && spec.uplink !== undefined);
  return using('macvlan').flatMap((domain) =>
    using('ovs').flatMap((other): Problem[] => {
      const both = hosts.filter((host) => {
        const device = deviceOf(host, domain);
        return device !== undefined && device === deviceOf(host, other);
      });
      if (both.length === 0) return [];
      const names = list(both.map(({ metadata }) => metadata.name).sort());
      const message = `found "${domain.spec.uplink}", an interface that Domain ${other.metadata.name} uses with driver ovs; one interface is a port of the switch or the parent of macvlan interfaces: name another uplink, or say under spec.domains of the hosts which of the two they offer (${names})`;
      return [{ path: at(domain, 'uplink'), message }];
    }),
  );
}

/** The interface that a host attaches endpoints of a Domain by, as soon as its leaf is there; undefined where it never does. */
function deviceOf({ spec }: Host, { metadata, spec: domain }: Domain): string | undefined {
  if (domain.uplink === undefined || equipmentProblem(spec, metadata.name, domain) !== undefined) return undefined;
  return spec.uplinks[domain.uplink]?.interface;
}

/** A cable has one host at its end: by the port the leaf knows who speaks for an endpoint. */
function cableProblems(hosts: readonly Host[]): Problem[] {
  const byName = new Map(hosts.map((host) => [host.metadata.name, host]));
  const first = new Map<string, string>();
  return hosts.flatMap((host) =>
    Object.entries(host.spec.uplinks).flatMap(([name, { leaf, port }]): Problem[] => {
      if (leaf === undefined) return [];
      const known = byName.get(leaf);
      if (known && known.spec.role !== 'leaf') {
        const message = `found "${leaf}", a host that is no leaf; allowed is a host of role leaf, or a node id of an APIC`;
        return [{ path: at(host, `uplinks.${name}.leaf`), message }];
      }
      if (port === undefined) return [];
      const holder = first.get(`${leaf}/${port}`) ?? host.metadata.name;
      first.set(`${leaf}/${port}`, holder);
      if (holder === host.metadata.name) return [];
      const message = `found port ${port} of leaf ${leaf}, where an uplink of host ${holder} ends; allowed is a port of its own for each host`;
      return [{ path: at(host, `uplinks.${name}.port`), message }];
    }),
  );
}

/** An APIC knows an EPG by port and VLAN. What comes untagged out of a port is of one EPG there, whatever its MAC. */
function accessProblems(state: State, domains: readonly Domain[]): Problem[] {
  const apics = new Set(ofKind(state, 'Fabric').flatMap((f) => (f.spec.driver === 'apic' ? [f.metadata.name] : [])));
  const access = new Map(
    domains.flatMap(({ metadata, spec }) =>
      spec.driver === 'macvlan' && spec.tagging === 'access' && apics.has(spec.fabric)
        ? [[metadata.name, `${spec.fabric} ${spec.uplink}`] as const]
        : [],
    ),
  );
  const first = new Map<string, HeddleObject<'Epg'>>();
  return ofKind(state, 'Epg').flatMap((epg): Problem[] => {
    const { domain } = epg.spec;
    const port = access.get(domain);
    const holder = port === undefined ? undefined : first.get(port);
    if (port === undefined) return [];
    if (!holder) {
      first.set(port, epg);
      return [];
    }
    const isOwn = holder.metadata.tenant === epg.metadata.tenant;
    const who = isOwn ? nameOf(refOf(holder)) : 'an EPG of another tenant';
    const message = `found "${domain}", whose endpoints leave their hosts untagged, like those of ${who}; a port of an APIC has one EPG for what is untagged: use tagging trunk, or another uplink for this EPG`;
    return [{ path: at(epg, 'domain'), message }];
  });
}

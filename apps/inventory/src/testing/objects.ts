import {
  expand,
  keyOf,
  parseObjects,
  type AnyObject,
  type Change,
  type EndpointReport,
  type HostReport,
  type ReportedAttachment,
} from '@heddle/model';

/** Objects of a text as admission would leave them: expanded, each with its key for a uid. */
export function entriesOf(...texts: readonly string[]): Map<string, AnyObject> {
  const written = texts.flatMap((text) => parseObjects(text).map(({ object }) => object));
  const all = written.flatMap((object) => [object, ...(expand(object) as AnyObject[])]);
  return new Map(
    all.map((object) => {
      const key = keyOf(object);
      return [key, { ...object, metadata: { ...object.metadata, uid: key } } as AnyObject];
    }),
  );
}

/** The change that puts the objects of a text, and deletes others by their keys. */
export function changeOf(text: string, deletes: readonly string[] = []): Change {
  return {
    changeId: 'c',
    by: { principal: 'test' },
    at: '2026-01-01T00:00:00Z',
    verb: 'apply',
    summary: '',
    objects: [
      ...[...entriesOf(text)].map(([key, after]) => ({ key, before: null, after })),
      ...deletes.map((key) => ({ key, before: null, after: null })),
    ],
  };
}

export const host = (name: string, underlay: string, more = ''): string => `---
kind: Host
metadata: { name: ${name} }
spec: { underlay: ${underlay}, capacity: { cpu: 4, memory: 4294967296 }${more} }
`;
export const epg = (path: string, spec = '{}'): string => {
  const [tenant, application, name] = path.split('/');
  return `---\nkind: Epg\nmetadata: { tenant: ${tenant}, application: ${application}, name: ${name} }\nspec: ${spec}\n`;
};
export const domain = (name: string, spec: string): string =>
  `---\nkind: Domain\nmetadata: { name: ${name} }\nspec: { ${spec} }\n`;
const cables = (number: number): string =>
  `, uplinks: { a: { interface: eth1, leaf: leaf1, port: p${number}a }, b: { interface: eth2, leaf: leaf1, port: p${number}b } }`;

/**
 * A fabric with one leaf, two hosts that are cabled to it and one that ends no tunnels; a Domain of each kind; a tenant with an
 * EPG in each of them.
 */
export const WORLD = `
kind: Tenant
metadata: { name: acme }
---
kind: Fabric
metadata: { name: main }
spec: { driver: ovs-leaf }
${domain('default', 'driver: ovs')}
${domain('wire', 'driver: ovs, encapsulation: vlan, fabric: main, uplink: a, vlans: "100-109"')}
${domain('trunk', 'driver: macvlan, fabric: main, uplink: b, vlans: "200-209"')}
${domain('flat', 'driver: macvlan, fabric: main, uplink: b, vlans: "300-309", tagging: access')}
${host('leaf1', '192.0.2.101', ', role: leaf')}
${host('h1', '192.0.2.11', cables(1))}
${host('h2', '192.0.2.12', cables(2))}
${host('h3', '192.0.2.13', `, tunnels: false${cables(3)}`)}
${epg('acme/shop/web')}
${epg('acme/shop/db', '{ domain: wire }')}
${epg('acme/shop/cache', '{ domain: trunk }')}
${epg('acme/shop/edge', '{ domain: flat }')}
`;

export const vm = (name: string, more = ''): string => `---
kind: Endpoint
metadata: { tenant: acme, application: shop, name: ${name} }
spec:
  endpointKind: vm
  mac: 52:54:00:00:00:0${name.replace(/\D/g, '')}
  addresses: [10.32.200.${name.replace(/\D/g, '')}]
  attachment: { driver: ovs, interfaceId: ${name} }
  ${more}
`;
export const server = (name: string, place: string, more = ''): string => `---
kind: Endpoint
metadata: { tenant: acme, application: shop, name: ${name} }
spec:
  endpointKind: baremetal
  mac: 52:54:00:00:01:0${name.replace(/\D/g, '')}
  addresses: [10.32.201.${name.replace(/\D/g, '')}]
  attachment: { driver: static, ${place} }
  ${more}
`;

/** A container as its host reports it. The last octet of its address makes it another one. */
export const container = (
  host: string,
  epg: string,
  octet: number,
  attachment: ReportedAttachment = { driver: 'ovs', port: `hd${octet}` },
  since = '2026-01-01T00:00:00Z',
): EndpointReport => ({
  id: `allocation:${epg}-${octet}`,
  epg,
  mac: `02:48:0a:20:00:${octet.toString(16).padStart(2, '0')}`,
  addresses: [`10.32.0.${octet}`],
  host,
  healthy: true,
  allocation: `${epg}-${octet}`,
  attachment,
  since,
});

/** A port with an interface id, as a host reports it that knows nothing of it. */
export const tap = (
  host: string,
  interfaceId: string,
  since = '2026-01-01T00:00:00Z',
  port = 'tap0',
): EndpointReport => ({
  id: `interface:${host}/${interfaceId}`,
  kind: 'vm',
  epg: '',
  mac: '52:54:00:00:00:99',
  addresses: [],
  host,
  healthy: true,
  attachment: { driver: 'ovs', port, interfaceId },
  since,
});

export const report = (host: string, endpoints: readonly EndpointReport[], sequence = 1): HostReport => ({
  host,
  agentEpoch: 'a',
  sequence,
  endpoints,
  allocations: [],
});

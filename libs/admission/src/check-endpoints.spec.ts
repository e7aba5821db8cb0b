import { ACME, Cluster, refusal } from './testing/cluster';

const epg = (path: string, spec = '{}'): string => {
  const [tenant, application, name] = path.split('/');
  return `\n---\nkind: Epg\nmetadata: { tenant: ${tenant}, application: ${application}, name: ${name} }\nspec: ${spec}\n`;
};
interface Written {
  readonly kind?: string;
  readonly mac?: string;
  readonly addresses?: string;
  readonly epg?: string;
  readonly at?: string;
  readonly labels?: string;
  readonly tenant?: string;
}
const endpoint = (name: string, over: Written = {}): string => {
  const number = name.replace(/\D/g, '').padStart(2, '0');
  const {
    kind = 'vm',
    mac = `52:54:00:00:00:${number}`,
    addresses = `10.32.9.${Number(number) + 10}`,
    tenant = 'acme',
  } = over;
  const at =
    over.at ?? (kind === 'vm' ? `driver: ovs, interfaceId: ${name}` : `driver: static, leaf: leaf1, port: ${name}`);
  return `
---
kind: Endpoint
metadata: { tenant: ${tenant}, application: hall, name: ${name}, labels: {${over.labels ?? ''}} }
spec:
  endpointKind: ${kind}
  mac: ${mac}
  addresses: [${addresses}]
  attachment: { ${at} }
${over.epg === '' ? '' : `  epg: ${over.epg ?? 'vms'}`}
`;
};
const host = (name: string, more: string): string =>
  `\n---\nkind: Host\nmetadata: { name: ${name} }\nspec: { underlay: 192.0.2.11, capacity: { cpu: 1, memory: 1 }, ${more} }\n`;

describe('an endpoint that is written down', () => {
  let cluster: Cluster;
  beforeEach(() => {
    cluster = new Cluster();
    cluster.apply(ACME + epg('acme/hall/vms') + epg('acme/shop/web'));
  });
  const problemsOf = (text: string): string[] => refusal(() => cluster.apply(text)).problems;

  it('is accepted with an EPG of its application, or with none', () => {
    cluster.apply(endpoint('vm1') + endpoint('vm2', { epg: '' }) + endpoint('b3', { kind: 'baremetal' }));
    expect(cluster.names().filter((name) => name.startsWith('Endpoint'))).toHaveLength(3);
  });

  it('can be deleted; what was written by nobody cannot', () => {
    cluster.apply(endpoint('vm1'));
    cluster.delete('Endpoint acme/hall/vm1');
    expect(refusal(() => cluster.delete('Endpoint acme/hall/web-1'))).toEqual({
      code: 'not-found',
      problems: [
        'Endpoint acme/hall/web-1: was written by nobody, so it cannot be deleted; a container goes with the service that it is an instance of, or with the engine that runs it',
      ],
    });
  });

  it('is of a tenant that there is, and of an EPG that there is in its application', () => {
    expect(problemsOf(endpoint('vm1', { tenant: 'blue', epg: '' }))).toEqual([
      'Endpoint blue/hall/vm1 metadata.tenant: found "blue", which is no Tenant; allowed are acme',
    ]);
    expect(problemsOf(endpoint('vm1', { epg: 'web' }))).toEqual([
      'Endpoint acme/hall/vm1 spec.epg: found "web", which is no Epg of application acme/hall; allowed are vms',
    ]);
  });

  it('belongs to one EPG only, also after a change of the EPGs', () => {
    cluster.apply(endpoint('vm1', { epg: '', labels: 'tier: db' }));
    cluster.apply(epg('acme/shop/db', '{ attributes: { criteria: [{ label: tier=db }] } }'));
    const ambiguous = (by: string): string =>
      `Endpoint acme/hall/vm1 spec.epg: is not said, and acme/shop/db, acme/shop/web both have it by ${by}; allowed is one: name the EPG here if it is of application hall, or change the ${by} of one of them`;
    expect(problemsOf(epg('acme/shop/web', '{ attributes: { criteria: [{ name: "vm*" }] } }'))).toEqual([
      ambiguous('attributes'),
    ]);
    // What it says itself counts more.
    cluster.apply(
      endpoint('vm1', { labels: 'tier: db' }) + epg('acme/shop/web', '{ attributes: { criteria: [{ name: "vm*" }] } }'),
    );
    expect(problemsOf(endpoint('vm1', { epg: '', labels: 'tier: db' }))).toEqual([ambiguous('attributes')]);
  });

  it('belongs to one EPG by its place', () => {
    const bound = '{ staticBindings: [{ leaf: leaf1, port: b1 }] }';
    cluster.apply(endpoint('b1', { kind: 'baremetal', epg: '' }) + epg('acme/shop/web', bound));
    expect(problemsOf(epg('acme/shop/db', bound))[0]).toContain('both have it by static binding');
  });

  it.each([
    ['outside of the subnets', '10.33.0.7'],
    ['the gateway', '10.32.0.1'],
    ['the first of the subnet', '10.32.0.0'],
    ['the last of the subnet', '10.32.255.255'],
    ['an IPv6 address', 'fd00::7'],
  ])('has no address that is %s', (_what, address) => {
    expect(problemsOf(endpoint('vm1', { addresses: `10.32.9.1, "${address}"` }))).toEqual([
      `Endpoint acme/hall/vm1 spec.addresses[1]: found "${address}", which no endpoint of EPG acme/hall/vms can have; allowed are addresses of the subnets of its BridgeDomain acme/default except gateway, first and last (10.32.0.1/16)`,
    ]);
  });

  it('keeps the subnet that its address is in', () => {
    cluster.apply(
      'kind: BridgeDomain\nmetadata: { tenant: acme, name: lan }\nspec: { subnets: [{ gateway: 10.40.0.1/24 }] }',
    );
    cluster.apply(epg('acme/hall/vms', '{ bridgeDomain: lan }') + endpoint('vm1', { addresses: '10.40.0.7' }));
    const moved =
      'kind: BridgeDomain\nmetadata: { tenant: acme, name: lan }\nspec: { subnets: [{ gateway: 10.41.0.1/24 }] }';
    expect(problemsOf(moved)[0]).toContain('Endpoint acme/hall/vm1 spec.addresses[0]: found "10.40.0.7"');
    expect(problemsOf(epg('acme/hall/vms'))[0]).toContain('BridgeDomain acme/default');
  });

  it.each([
    ['02:48:0a:20:00:07', 'which begins like the MACs that Heddle makes from addresses'],
    ['01:00:5e:00:00:01', 'which is no MAC of one interface'],
    ['ff:ff:ff:ff:ff:ff', 'which is no MAC of one interface'],
    ['00:00:00:00:00:00', 'which is no MAC of one interface'],
  ])('has no MAC such as %s', (mac, why) => {
    expect(problemsOf(endpoint('vm1', { mac: `"${mac}"` }))).toEqual([
      expect.stringContaining(`Endpoint acme/hall/vm1 spec.mac: found "${mac}", ${why}; allowed is`),
    ]);
  });

  it('has each address once', () => {
    expect(problemsOf(endpoint('vm1', { addresses: '10.32.9.1, 10.32.9.1' }))).toEqual([
      'Endpoint acme/hall/vm1 spec.addresses[1]: found "10.32.9.1" twice; say it once',
    ]);
  });

  it('has what is its own: MAC, address, interface id, place', () => {
    cluster.apply(
      endpoint('vm1') + endpoint('b2', { kind: 'baremetal', at: 'driver: static, leaf: leaf1, port: e1, vlan: 5' }),
    );
    const twice = (text: string): string[] => problemsOf(text).map((p) => p.split(';')[0] as string);
    expect(twice(endpoint('vm3', { mac: '52:54:00:00:00:01' }))).toEqual([
      'Endpoint acme/hall/vm1 spec.mac: found MAC 52:54:00:00:00:01 in BridgeDomain acme/default, which Endpoint acme/hall/vm3 has, too',
      'Endpoint acme/hall/vm3 spec.mac: found MAC 52:54:00:00:00:01 in BridgeDomain acme/default, which Endpoint acme/hall/vm1 has, too',
    ]);
    expect(twice(endpoint('vm3', { addresses: '10.32.9.11' }))[1]).toBe(
      'Endpoint acme/hall/vm3 spec.addresses[0]: found address 10.32.9.11 in Vrf acme/default, which Endpoint acme/hall/vm1 has, too',
    );
    expect(twice(endpoint('vm3', { at: 'driver: ovs, interfaceId: vm1' }))[1]).toBe(
      'Endpoint acme/hall/vm3 spec.attachment.interfaceId: found interface id vm1, which Endpoint acme/hall/vm1 has, too',
    );
    const there = 'driver: static, leaf: leaf1, port: e1, vlan: 5';
    // Nothing binds it, so that only the place is left to tell.
    expect(twice(endpoint('b3', { kind: 'baremetal', at: there, epg: '', mac: '52:54:00:00:00:02' }))[1]).toBe(
      'Endpoint acme/hall/b3 spec.attachment: found MAC 52:54:00:00:00:02 at port e1 of leaf leaf1, VLAN 5, which Endpoint acme/hall/b2 has, too',
    );
    cluster.apply(endpoint('b3', { kind: 'baremetal', at: there }));
  });

  it('may have the address that another one has in another VRF', () => {
    cluster.apply(`${ACME.replace('acme', 'blue')}${epg('blue/hall/vms')}`);
    cluster.apply(endpoint('vm1') + endpoint('vm1', { tenant: 'blue', at: 'driver: ovs, interfaceId: other' }));
  });

  it('learns nothing of the other tenant whose interface it claims', () => {
    cluster.apply(`${ACME.replace('acme', 'blue')}${endpoint('vm1', { epg: '' })}`);
    expect(problemsOf(endpoint('vm1', { tenant: 'blue', epg: '' }))).toEqual([
      'Endpoint blue/hall/vm1 spec.attachment.interfaceId: found interface id vm1, which an endpoint of another tenant has, too; allowed is one of its own',
    ]);
  });

  it('is at a leaf, and not where a host is cabled to', () => {
    cluster.apply(
      host('leaf1', 'role: leaf') + host('h1', 'uplinks: { f: { interface: eth1, leaf: leaf1, port: e1 } }'),
    );
    const at = (leaf: string, port: string): string =>
      endpoint('b1', { kind: 'baremetal', at: `driver: static, leaf: ${leaf}, port: ${port}` });
    expect(problemsOf(at('h1', 'e1'))).toEqual([
      'Endpoint acme/hall/b1 spec.attachment.leaf: found "h1", a host that is no leaf; allowed is a host of role leaf, or a node id of an APIC',
    ]);
    expect(problemsOf(at('leaf1', 'e1'))).toEqual([
      'Endpoint acme/hall/b1 spec.attachment.port: found port e1 of leaf leaf1, where an uplink of host h1 ends; allowed is a port that no host is cabled to',
    ]);
    cluster.apply(at('leaf1', 'e2'));
  });

  it('shares an untagged port of an APIC with its own EPG only', () => {
    const apic = `\n---\nkind: Fabric\nmetadata: { name: main }\nspec: { driver: apic, controllers: ["https://192.0.2.1"], user: u, passwordFile: /p }\n`;
    cluster.apply(apic + epg('acme/hall/servers'));
    const at = (leaf: string) => ({ kind: 'baremetal', at: `driver: static, leaf: "${leaf}", port: eth1/5` });
    cluster.apply(endpoint('b1', at('101')) + endpoint('b2', at('101')));
    expect(problemsOf(endpoint('b3', { ...at('101'), epg: 'servers' }))).toEqual([
      'Endpoint acme/hall/b3 spec.attachment.vlan: found untagged at a port where EPG acme/hall/vms is untagged; a port of an APIC has one EPG for what is untagged: name a VLAN, or another port',
    ]);
    cluster.apply(
      host('leaf1', 'role: leaf') + endpoint('b4', at('leaf1')) + endpoint('b5', { ...at('leaf1'), epg: 'servers' }),
    );
  });
});

import { Cluster, refusal } from './testing/cluster';

const fabric = (name: string, spec = '{ driver: ovs-leaf }'): string =>
  `\n---\nkind: Fabric\nmetadata: { name: ${name} }\nspec: ${spec}\n`;
const APIC = '{ driver: apic, controllers: ["https://192.0.2.1"], user: heddle, passwordFile: /etc/heddle/apic }';
const domain = (name: string, spec: string): string =>
  `\n---\nkind: Domain\nmetadata: { name: ${name} }\nspec: { ${spec} }\n`;
const macvlan = (name: string, vlans: string, more = ''): string =>
  domain(name, `driver: macvlan, fabric: main, uplink: fabric, vlans: "${vlans}"${more}`);
const vlan = (name: string, vlans: string, uplink = 'fabric'): string =>
  domain(name, `driver: ovs, encapsulation: vlan, fabric: main, uplink: ${uplink}, vlans: "${vlans}"`);
const host = (name: string, more: string): string =>
  `\n---\nkind: Host\nmetadata: { name: ${name} }\nspec: { underlay: 192.0.2.11, capacity: { cpu: 1, memory: 1 }, ${more} }\n`;
const cabled = (port: string, device = 'eth1'): string =>
  `uplinks: { fabric: { interface: ${device}, leaf: leaf1, port: ${port} } }`;
const LEAF = host('leaf1', 'role: leaf');

const problemsOf = (text: string, cluster = new Cluster()): string[] => refusal(() => cluster.apply(text)).problems;

describe('a Domain', () => {
  it.each([
    ['vxlan', 'driver: ovs'],
    ['vlan', 'driver: ovs, encapsulation: vlan, fabric: main, uplink: fabric, vlans: "100-199", mtu: 1500'],
    ['macvlan', 'driver: macvlan, fabric: main, uplink: fabric, vlans: "100-199", mode: bridge, tagging: access'],
  ])('of %s is accepted', (_what, spec) => {
    expect(new Cluster().apply(fabric('main') + domain('lan', spec)).objects).toHaveLength(2);
  });

  it('with encapsulation vlan says on which fabric, by which uplink, and with which VLANs', () => {
    expect(problemsOf(domain('lan', 'driver: ovs, encapsulation: vlan'))).toEqual([
      'Domain lan spec.fabric: is missing; encapsulation vlan needs the Fabric whose leaves forward',
      'Domain lan spec.uplink: is missing; encapsulation vlan needs the uplink of the hosts that leads there',
      'Domain lan spec.vlans: is missing; encapsulation vlan needs the VLANs that its EPGs get, such as "100-199"',
    ]);
  });

  it('with encapsulation vxlan has none of them', () => {
    const text = domain('lan', 'driver: ovs, fabric: main, uplink: fabric, vlans: "100-199", mtu: 9000');
    expect(problemsOf(fabric('main') + text).map((p) => p.split(',')[0])).toEqual([
      'Domain lan spec.fabric: found "main"',
      'Domain lan spec.uplink: found "fabric"',
      'Domain lan spec.vlans: found "100-199"',
      'Domain lan spec.mtu: found "9000"',
    ]);
  });

  it('names a Fabric that there is', () => {
    expect(problemsOf(macvlan('lan', '100-199'))).toEqual([
      'Domain lan spec.fabric: found "main", which is no Fabric; allowed are (none exist: write one, such as `driver: ovs-leaf`)',
    ]);
    expect(problemsOf(fabric('core') + fabric('edge') + macvlan('lan', '100'))).toEqual([
      'Domain lan spec.fabric: found "main", which is no Fabric; allowed are core, edge',
    ]);
  });

  it('has no VLAN in common with another one of its Fabric', () => {
    const cluster = new Cluster();
    cluster.apply(fabric('main') + fabric('other') + macvlan('lan', '100-199'));
    const common = (mine: string, vlan: number, other: string): string =>
      `spec.vlans: found "${mine}", which has VLAN ${vlan} in common with Domain ${other} of the same Fabric main; a VLAN of a Fabric is in one pool only: name others in one of the two`;
    expect(problemsOf(vlan('wire', '50,150-160', 'second'), cluster)).toEqual([
      `Domain lan ${common('100-199', 150, 'wire')}`,
      `Domain wire ${common('50,150-160', 150, 'lan')}`,
    ]);
    cluster.apply(vlan('wire', '50,200-210', 'second'));
    cluster.apply(domain('far', 'driver: macvlan, fabric: other, uplink: third, vlans: "100-199"'));
  });

  it('does not attach by an interface of a host that another driver uses there', () => {
    const cluster = new Cluster();
    cluster.apply(fabric('main') + macvlan('lan', '100-199') + vlan('wire', '200-299') + LEAF);
    const found = (hosts: string): string =>
      `Domain lan spec.uplink: found "fabric", an interface that Domain wire uses with driver ovs; one interface is a port of the switch or the parent of macvlan interfaces: name another uplink, or say under spec.domains of the hosts which of the two they offer (${hosts})`;
    expect(problemsOf(host('h1', cabled('eth1')), cluster)).toEqual([found('h1')]);
    cluster.apply(host('h1', `domains: [lan], ${cabled('eth1')}`));
    cluster.apply(host('h2', `domains: [wire], ${cabled('eth2')}`));
    // Two names of one interface are one interface.
    cluster.apply(vlan('wire', '200-299', 'second'));
    const twice = `uplinks: { fabric: { interface: eth1, leaf: leaf1, port: a }, second: { interface: DEV, leaf: leaf1, port: b } }`;
    expect(problemsOf(host('h3', twice.replace('DEV', 'eth1')), cluster)).toEqual([found('h3')]);
    cluster.apply(host('h3', twice.replace('DEV', 'eth2')));
  });
});

describe('the cable of a host', () => {
  it('ends at a port of its own', () => {
    const cluster = new Cluster();
    cluster.apply(LEAF + host('h1', cabled('eth1')) + host('h2', cabled('eth2')));
    expect(problemsOf(host('h3', cabled('eth1')), cluster)).toEqual([
      'Host h3 spec.uplinks.fabric.port: found port eth1 of leaf leaf1, where an uplink of host h1 ends; allowed is a port of its own for each host',
    ]);
    expect(problemsOf(host('h2', cabled('eth1')), cluster)).toHaveLength(1);
    cluster.apply(host('h3', 'uplinks: { fabric: { interface: eth1 } }'));
  });

  it('ends at a leaf, or at something that is no host', () => {
    const cluster = new Cluster();
    cluster.apply(host('h1', 'uplinks: {}'));
    const at = (leaf: string): string => `uplinks: { fabric: { interface: eth1, leaf: "${leaf}", port: eth1/5 } }`;
    expect(problemsOf(host('h2', at('h1')), cluster)).toEqual([
      'Host h2 spec.uplinks.fabric.leaf: found "h1", a host that is no leaf; allowed is a host of role leaf, or a node id of an APIC',
    ]);
    cluster.apply(host('h2', at('101')));
  });
});

describe('EPGs on an APIC', () => {
  const epg = (name: string, domain: string): string =>
    `\n---\nkind: Epg\nmetadata: { tenant: acme, application: shop, name: ${name} }\nspec: { domain: ${domain} }\n`;
  const TENANT = '\n---\nkind: Tenant\nmetadata: { name: acme }\n';
  const access = macvlan('lan', '100-199', ', tagging: access, mode: private');

  it('do not share a port untagged', () => {
    const cluster = new Cluster();
    cluster.apply(TENANT + fabric('main', APIC) + access + epg('web', 'lan'));
    expect(problemsOf(epg('api', 'lan'), cluster)).toEqual([
      'Epg acme/shop/api spec.domain: found "lan", whose endpoints leave their hosts untagged, like those of Epg acme/shop/web; a port of an APIC has one EPG for what is untagged: use tagging trunk, or another uplink for this EPG',
    ]);
    cluster.apply(macvlan('lan', '100-199') + epg('api', 'lan'));
    expect(problemsOf(access, cluster)).toHaveLength(1);
  });

  it('do so on leaves of ours, which know them by their MACs', () => {
    const cluster = new Cluster();
    cluster.apply(TENANT + fabric('main') + access + epg('web', 'lan') + epg('api', 'lan'));
  });
});

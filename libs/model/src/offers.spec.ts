import { domainSpec, hostSpec, type HostSpec } from './kinds';
import { parseObject } from './parse';
import { cablingOf, equipmentProblem, isNodeId, offeredDomains, offerProblem, refusedDomains } from './offers';

const host = (over: object = {}): HostSpec =>
  hostSpec.parse({ underlay: '192.0.2.11', capacity: { cpu: 1, memory: 1 }, ...over });
const cabled = { uplinks: { fabric: { interface: 'eth1', leaf: 'leaf1', port: 'p1' } } };
const written = (kind: string, name: string, spec: object) => parseObject({ kind, metadata: { name }, spec });
const leafHost = written('Host', 'leaf1', { role: 'leaf', underlay: '192.0.2.1', capacity: { cpu: 1, memory: 1 } });
const apic = { driver: 'apic', controllers: ['https://192.0.2.9'], user: 'u', passwordFile: '/p' };
const FABRICS = [written('Fabric', 'main', { driver: 'ovs-leaf' }), written('Fabric', 'aci', apic)];
const cabling = cablingOf([...FABRICS, leafHost]);
const vxlan = domainSpec.parse({ driver: 'ovs' });
const lan = domainSpec.parse({ driver: 'macvlan', fabric: 'main', uplink: 'fabric', vlans: '100-199' });

describe('what a host offers', () => {
  it.each([
    ['tunnels', host(), vxlan, undefined],
    ['tunnels that do not end at it', host({ tunnels: false }), vxlan, 'ends no tunnels, which encapsulation vxlan needs'],
    ['an uplink', host(cabled), lan, undefined],
    ['an uplink that it has not', host(), lan, 'has no uplink "fabric"; it has none'],
    ['an uplink of another name', host({ uplinks: { wan: { interface: 'eth1' } } }), lan, 'has no uplink "fabric"; it has wan'],
    ['an uplink without its other end', host({ uplinks: { fabric: { interface: 'eth1' } } }), lan, 'does not say which port of which leaf its uplink "fabric" is cabled to'],
    ['what it is limited to', host({ ...cabled, domains: ['d'] }), lan, undefined],
    ['what it is not limited to', host({ ...cabled, domains: ['other'] }), lan, 'is limited to the domains other'],
    ['anything as a leaf', host({ ...cabled, role: 'leaf' }), lan, 'is a leaf and runs no containers'],
  ])('depends on %s', (_what, spec, domain, problem) => {
    expect(offerProblem(spec, 'd', domain, cabling)).toBe(problem);
    expect(equipmentProblem(spec, 'd', domain)).toBe(problem);
  }); // prettier-ignore

  it('counts a host of before tunnels could be left out as one that ends them', () => {
    const { tunnels: _unknown, ...older } = host();
    expect(offerProblem(older as HostSpec, 'd', vxlan, cabling)).toBeUndefined();
  });

  it('is every Domain, in order, or why not', () => {
    const domains = new Map([['z', vxlan], ['lan', lan], ['a', vxlan]]); // prettier-ignore
    expect(offeredDomains(host(), domains, cabling)).toEqual(['a', 'z']);
    expect(refusedDomains(host(), domains, cabling)).toEqual({ lan: 'has no uplink "fabric"; it has none' });
    expect(refusedDomains(host(cabled), domains, cabling)).toEqual({});
  });

  it('is nothing by way of a leaf that has not joined, and becomes it when that joins', () => {
    const before = cablingOf(FABRICS);
    expect(offerProblem(host(cabled), 'd', lan, before)).toBe(
      'says that its uplink "fabric" is cabled to leaf leaf1, and no host of that name has joined with role leaf (there are: none); start the leaf, or correct the uplinks of the host',
    );
    // It is made for it all the same.
    expect(equipmentProblem(host(cabled), 'd', lan)).toBeUndefined();
    expect(offerProblem(host(cabled), 'd', vxlan, before)).toBeUndefined();
    expect(offerProblem(host(cabled), 'd', lan, cablingOf([...FABRICS, leafHost]))).toBeUndefined();
  });

  it('is by the leaves of the Fabric that the Domain names: those of an APIC are node ids', () => {
    const at = (leaf: string, fabric: string): string | undefined => {
      const uplinks = { fabric: { interface: 'eth1', leaf, port: 'eth1/5' } };
      return offerProblem(host({ uplinks }), 'd', { ...lan, fabric }, cabling);
    };
    expect([at('101', 'aci'), at('101-102', 'aci'), at('leaf1', 'main')]).toEqual([undefined, undefined, undefined]);
    expect(at('leaf1', 'aci')).toBe(
      'says that its uplink "fabric" is cabled to leaf leaf1, which is no node id of Fabric aci; allowed is the node id of a leaf such as 101 (101 to 4000), or two of a virtual port channel such as 101-102',
    );
    expect(at('101', 'main')).toMatch(/leaf 101, and no host of that name .* \(there are: leaf1\)/);
    expect(at('leaf1', 'gone')).toMatch(/there is no Fabric gone that it could be of$/);
  });

  it('is nothing by an uplink that the host finds it cannot use', () => {
    const problems = { fabric: 'its interface eth1 is not there' };
    expect(refusedDomains(host(cabled), new Map([['lan', lan], ['a', vxlan]]), cabling, problems)).toEqual({
      lan: 'cannot use its uplink "fabric": its interface eth1 is not there',
    }); // prettier-ignore
    expect(offeredDomains(host(cabled), new Map([['lan', lan]]), cabling, { other: 'is cut' })).toEqual(['lan']);
  });

  it.each([
    ['101', true],
    ['4000', true],
    ['101-102', true],
    ['100', false],
    ['4001', false],
    ['101-101', false],
    ['101-102-103', false],
    ['leaf1', false],
    ['', false],
    ['0101', false],
  ])('knows whether %s is a node id', (leaf, is) => {
    expect(isNodeId(leaf)).toBe(is); // prettier-ignore
  });
});

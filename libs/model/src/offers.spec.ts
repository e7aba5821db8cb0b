import { domainSpec, hostSpec, type HostSpec } from './kinds';
import { offeredDomains, offerProblem, refusedDomains } from './offers';

const host = (over: object = {}): HostSpec =>
  hostSpec.parse({ underlay: '192.0.2.11', capacity: { cpu: 1, memory: 1 }, ...over });
const cabled = { uplinks: { fabric: { interface: 'eth1', leaf: 'leaf1', port: 'p1' } } };
const vxlan = domainSpec.parse({ driver: 'ovs' });
const lan = domainSpec.parse({ driver: 'macvlan', uplink: 'fabric', vlans: '100-199' });

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
    expect(offerProblem(spec, 'd', domain)).toBe(problem);
  }); // prettier-ignore

  it('counts a host of before tunnels could be left out as one that ends them', () => {
    const { tunnels: _unknown, ...older } = host();
    expect(offerProblem(older as HostSpec, 'd', vxlan)).toBeUndefined();
  });

  it('is every Domain, in order, or why not', () => {
    const domains = new Map([['z', vxlan], ['lan', lan], ['a', vxlan]]); // prettier-ignore
    expect(offeredDomains(host(), domains)).toEqual(['a', 'z']);
    expect(refusedDomains(host(), domains)).toEqual({ lan: 'has no uplink "fabric"; it has none' });
    expect(refusedDomains(host(cabled), domains)).toEqual({});
  });
});

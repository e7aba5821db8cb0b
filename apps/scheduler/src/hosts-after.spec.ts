import { keyOf, parseObject, type AnyObject } from '@heddle/model';
import { hostsAfter } from './hosts-after';
import { host, NOW, world } from './testing/world';

const domain = (name: string, spec: object = { driver: 'ovs' }): object => ({
  kind: 'Domain',
  metadata: { name },
  spec,
});
const hostObject = (name: string, spec: object = {}, labels: object = {}): object => ({
  kind: 'Host',
  metadata: { name, labels },
  spec: { underlay: '192.0.2.11', capacity: { cpu: 4, memory: 2 ** 32 }, ...spec },
});
const objects = (...values: object[]): Map<string, AnyObject> =>
  new Map(values.map((value) => parseObject(value)).map((object) => [keyOf(object), object]));

describe('hostsAfter', () => {
  const HOSTS = [hostObject('h1'), hostObject('h2')];
  const views = [
    // The inventory knows of h2 what its object does not say.
    host('h1', { domains: ['default'] }),
    host('h2', { domains: [], domainProblems: { default: 'has no switch' } }),
  ];
  const after = (...values: object[]) =>
    hostsAfter(world([], views).snapshot, objects(domain('default'), ...HOSTS), objects(...values), NOW);
  const offered = (...values: object[]): Record<string, readonly string[]> =>
    Object.fromEntries([...after(...values).hosts].map(([name, { domains }]) => [name, domains]));

  it('offers a Domain that comes with the change, and leaves the others as they are', () => {
    const both = [domain('default'), domain('other'), ...HOSTS];
    expect(offered(...both)).toEqual({ h1: ['default', 'other'], h2: ['other'] });
    expect(after(...both).hosts.get('h2')?.domainProblems).toEqual({ default: 'has no switch' });
    expect(offered(domain('default'), ...HOSTS)).toEqual({ h1: ['default'], h2: [] });
  });

  it('says why a host does not offer it', () => {
    const lan = domain('lan', { driver: 'macvlan', fabric: 'main', uplink: 'data', vlans: '100' });
    expect(offered(domain('default'), lan, ...HOSTS)).toEqual({ h1: ['default'], h2: [] });
    expect(after(domain('default'), lan, ...HOSTS).hosts.get('h1')?.domainProblems).toEqual({
      lan: 'has no uplink "data"; it has none',
    });
  });

  it('offers no Domain any more that the change deletes', () => {
    expect(offered(...HOSTS)).toEqual({ h1: [], h2: [] });
  });

  it('judges all Domains anew where other Fabrics or leaves are there', () => {
    const spec = { uplinks: { data: { interface: 'eth1', leaf: 'leaf1', port: 'p1' } } };
    const lan = domain('lan', { driver: 'macvlan', fabric: 'main', uplink: 'data', vlans: '100' });
    const main = { kind: 'Fabric', metadata: { name: 'main' }, spec: { driver: 'ovs-leaf' } };
    const leaf = hostObject('leaf1', { role: 'leaf' });
    const domainsOfH1 = (was: readonly object[], is: readonly object[]) =>
      hostsAfter(world([], [host('h1', { domains: ['default'] })]).snapshot, objects(...was), objects(...is), NOW)
        .hosts.get('h1')?.domains; // prettier-ignore
    const base = [domain('default'), lan, hostObject('h1', spec)];
    expect(domainsOfH1([...base, main], [...base, main, leaf])).toEqual(['default', 'lan']);
    expect(domainsOfH1([...base, leaf], [...base, main, leaf])).toEqual(['default', 'lan']);
    expect(domainsOfH1([...base, main, leaf], [...base, main])).toEqual(['default']);
  });

  it('has hosts as their objects say, and those removed that the change deletes', () => {
    const { hosts, removedHosts } = after(domain('default'), hostObject('h1', { zone: 'b' }, { disk: 'ssd' }));
    expect([...hosts.keys()]).toEqual(['h1']);
    expect(hosts.get('h1')).toMatchObject({ spec: { zone: 'b' }, labels: { disk: 'ssd' }, domains: ['default'] });
    expect([...removedHosts]).toEqual([['h2', NOW]]);
  });
});

import { EMPTY_VLAN_TABLE } from '@heddle/ipam';
import type { Sighting } from '@heddle/model';
import { inventoryObjects } from '../objects';
import { container, entriesOf, epg, report, server, WORLD } from '../testing/objects';
import { EndpointIndex } from './endpoint-index';
import { endpointMap } from './endpoint-map';
import { Sightings } from './sightings';

const seen = (over: Partial<Sighting> = {}): Sighting => ({
  mac: '0a:00:00:00:00:01',
  address: '10.32.0.7',
  port: 'hd9',
  at: '2026-01-01T00:00:00Z',
  ...over,
});

describe('what hosts see of addresses elsewhere', () => {
  const endpoint = { id: 'allocation:acme/shop/web-7', mac: '02:48:0a:20:00:07' };
  const owner = { endpoint, kind: 'address-elsewhere' } as const;

  it('is told once a minute, and shown for five', () => {
    const sightings = new Sightings();
    const told = (now: number): number => sightings.take('h2', seen(), [owner], now).length;
    expect([0, 1_000, 59_000, 60_000, 61_000, 120_000].map(told)).toEqual([1, 0, 0, 1, 0, 1]);
    const shown = (now: number): string[] => sightings.problemsOf(endpoint, now);
    expect(shown(121_000)).toEqual([
      'its address 10.32.0.7 was claimed with MAC 0a:00:00:00:00:01 at port hd9 of h2, where it is not; what came from there was dropped',
    ]);
    expect([shown(419_999).length, shown(420_000).length]).toEqual([1, 0]);
    expect(sightings.problemsOf({ id: 'other' }, 121_000)).toEqual([]);
  });

  it('is told apart by where and by whom', () => {
    const sightings = new Sightings();
    const others = [seen(), seen({ port: 'hd8' }), seen({ vlan: 7 }), seen({ mac: '0a:00:00:00:00:02' })];
    expect(others.flatMap((each) => sightings.take('h2', each, [owner], 0))).toHaveLength(4);
    expect(sightings.take('h3', seen(), [owner], 0)).toHaveLength(1);
    expect(sightings.problemsOf(endpoint, 0)).toHaveLength(5);
  });

  it('says what was used, and what is expected', () => {
    const told = (['mac-elsewhere', 'other-mac'] as const).flatMap((kind) =>
      new Sightings().take('leaf1', seen({ vlan: 7 }), [{ endpoint, kind }], 0),
    );
    expect(told.map(({ kind, message }) => `${kind}: ${message}`)).toEqual([
      'mac-elsewhere: its MAC 0a:00:00:00:00:01 was used with address 10.32.0.7 at port hd9 of leaf1, VLAN 7, where it is not; what came from there was dropped',
      'other-mac: its address 10.32.0.7 was used with MAC 0a:00:00:00:00:01 at port hd9 of leaf1, VLAN 7, where its MAC 02:48:0a:20:00:07 is expected; what came from there was dropped',
    ]);
  });

  it('is bounded, however much a host makes up', () => {
    const sightings = new Sightings();
    for (let i = 0; i < 5_000; i++) sightings.take('h2', seen({ port: `p${i}` }), [owner], i);
    expect(sightings.problemsOf(endpoint, 5_000).length).toBeLessThanOrEqual(1_000);
    // The newest are kept.
    expect(sightings.take('h2', seen({ port: 'p4999' }), [owner], 5_001)).toEqual([]);
  });
});

const MAC = '02:48:0a:20:00:07';

describe('whose address or MAC was seen', () => {
  const more = `---\nkind: Tenant\nmetadata: { name: blue }\n${epg('blue/shop/web')}${server('s1', 'leaf: leaf1, port: e5', 'epg: web')}`;
  const objects = inventoryObjects(entriesOf(WORLD, more));
  const at = (host: string, group: string, octet: number, port: string) =>
    container(host, group, octet, { driver: 'ovs', port });
  const index = (...reported: ReturnType<typeof container>[]): EndpointIndex => {
    const { endpoints } = endpointMap({
      objects,
      vlans: EMPTY_VLAN_TABLE,
      reports: new Map(
        ['h1', 'h2'].map(
          (name) =>
            [
              name,
              report(
                name,
                reported.filter((e) => e.host === name),
              ),
            ] as const,
        ),
      ),
      states: new Map(),
      serversSince: new Map(),
      known: { told: new Set(), duplicates: [] },
    });
    return new EndpointIndex(objects, endpoints);
  };
  const owners = (of: EndpointIndex, host: string, sighting = seen()): string[] =>
    of.claimsOf(host, sighting).map(({ owner, kind }) => `${kind} of ${owner.key}`);

  it('is the endpoint that has it, unless it was seen where that is', () => {
    const known = index(at('h1', 'acme/shop/web', 7, 'hd7'));
    expect(owners(known, 'h2')).toEqual(['address-elsewhere of h1/allocation:acme/shop/web-7']);
    expect(owners(known, 'h1', seen({ port: 'hd7', mac: MAC }))).toEqual([]);
    expect(owners(known, 'h2', seen({ address: '10.32.0.8' }))).toEqual([]);
    expect(owners(known, 'leaf1', seen({ address: '10.32.201.1', port: 'e6' }))).toEqual([
      'address-elsewhere of leaf1/endpoint:acme/shop/s1',
    ]);
    const own = seen({ address: '10.32.201.1', port: 'e5', mac: '52:54:00:00:01:01' });
    expect(owners(known, 'leaf1', own)).toEqual([]);
  });

  it('is the one in the VRF of the port; of several VRFs none, when that is not known', () => {
    const two = [at('h1', 'acme/shop/web', 7, 'hd7'), at('h2', 'blue/shop/web', 7, 'hd1')];
    const known = index(...two, at('h2', 'blue/shop/web', 9, 'hd9'), at('h1', 'acme/shop/web', 5, 'hd5'));
    expect(owners(known, 'h2')).toEqual(['address-elsewhere of h2/allocation:blue/shop/web-7']);
    expect(owners(known, 'h1', seen({ port: 'hd5' }))).toEqual(['address-elsewhere of h1/allocation:acme/shop/web-7']);
    expect(owners(known, 'h2', seen({ port: 'hd3' }))).toEqual([]);
    expect(owners(known, 'h2', seen({ port: 'hd3', mac: MAC, address: '10.32.0.99' }))).toEqual([]);
  });

  it('is the one whose MAC it is, and the one that speaks with another MAC than its own', () => {
    const known = index(at('h1', 'acme/shop/web', 7, 'hd7'), at('h2', 'acme/shop/web', 9, 'hd9'));
    expect(owners(known, 'h2', seen({ mac: MAC, address: '10.32.0.9' }))).toEqual([
      'mac-elsewhere of h1/allocation:acme/shop/web-7',
      'other-mac of h2/allocation:acme/shop/web-9',
    ]);
    expect(owners(known, 'h1', seen({ port: 'hd7' }))).toEqual(['other-mac of h1/allocation:acme/shop/web-7']);
    expect(owners(known, 'leaf1', seen({ mac: MAC, address: '10.32.0.99', port: 'e5' }))).toEqual([
      'mac-elsewhere of h1/allocation:acme/shop/web-7',
    ]);
  });
});

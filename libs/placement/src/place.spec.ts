import fc from 'fast-check';
import { place, type Placement } from './place';
import type { Demand, SnapshotHost } from './snapshot';
import { MI, arbitraryDemands, arbitraryHosts, demand, host } from './testing/arbitraries';

const hostsOf = (placements: readonly Placement[]): (string | undefined)[] => placements.map((p) => p.host);
const times = (n: number, over: Partial<Demand> = {}): Demand[] => Array.from({ length: n }, () => demand(over));

function countByHost(placements: readonly Placement[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { host: name } of placements) if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

describe('place', () => {
  it('spreads a service over the hosts', () => {
    const hosts = [host('h1'), host('h2'), host('h3')];
    expect(hostsOf(place({ hosts }, times(4)))).toEqual(['h1', 'h2', 'h3', 'h1']);
  });

  it('tells equal hosts apart by name, whatever their order', () => {
    const hosts = [host('h3'), host('h1'), host('h2')];
    expect(hostsOf(place({ hosts }, times(4)))).toEqual(['h1', 'h2', 'h3', 'h1']);
  });

  it('spreads over zones among hosts with equally many', () => {
    const hosts = [host('h1', { zone: 'a' }), host('h2', { zone: 'a' }), host('h3', { zone: 'b' })];
    expect(hostsOf(place({ hosts }, times(3)))).toEqual(['h1', 'h3', 'h2']);
  });

  it('prefers the least allocated among equals', () => {
    const hosts = [host('h1', { allocated: { cpu: 1, memory: 0 } }), host('h2')];
    expect(hostsOf(place({ hosts }, times(1)))).toEqual(['h2']);
  });

  it('counts what is there already', () => {
    const hosts = [host('h1', { instances: { 'acme/shop/web': 2 } }), host('h2')];
    expect(hostsOf(place({ hosts }, times(3)))).toEqual(['h2', 'h2', 'h1']);
  });

  it('puts a host where the service keeps failing last, but uses it rather than none', () => {
    const failing = host('h1', { failures: { 'acme/shop/web': 5 } });
    const busy = host('h2', { failures: { 'acme/shop/web': 4 }, instances: { 'acme/shop/web': 9 } });
    expect(hostsOf(place({ hosts: [failing, busy] }, times(1)))).toEqual(['h2']);
    expect(hostsOf(place({ hosts: [failing, { ...busy, ready: false }] }, times(1)))).toEqual(['h1']);
    expect(hostsOf(place({ hosts: [failing, busy] }, times(1, { service: 'acme/shop/api' })))).toEqual(['h1']);
  });

  it('adds cores exactly: ten times 0.1 fit into one', () => {
    const hosts = [host('h1', { capacity: { cpu: 1, memory: 4096 * MI }, allocated: { cpu: 0.1 + 0.2, memory: 0 } })];
    expect(hostsOf(place({ hosts }, times(8)))).toEqual([...Array(7).fill('h1'), undefined]);
  });

  it('gives the scores of the chosen host and counts the hosts that were ruled out', () => {
    const hosts = [host('h1', { ready: false }), host('h2', { instances: { 'acme/shop/web': 1 } })];
    const [placed] = place({ hosts }, times(1));
    expect(placed).toMatchObject({
      host: 'h2',
      refused: { 'host-not-ready': 1 },
      scores: { reliability: 1, hostSpread: 0.5, zoneSpread: 0.5, leastAllocated: (3.9 / 4 + 4032 / 4096) / 2 },
    });
  });

  it('says why no host can take an instance', () => {
    const full = { allocated: { cpu: 3.95, memory: 0 } };
    const hosts = [
      host('h1', { ready: false, schedulable: false }),
      host('h2', { schedulable: false }),
      host('h3', full),
      host('h4', full),
      host('h5', { allocated: { cpu: 0, memory: 4090 * MI } }),
      host('h6', { domains: ['fabric'] }),
      host('h7', { zone: 'b' }),
    ];
    const constraints = [{ attribute: 'zone', operator: '=', value: 'default' }] as const;
    expect(place({ hosts }, [demand({ constraints })])).toEqual([
      {
        demand: demand({ constraints }),
        host: undefined,
        refused: {
          'host-not-ready': 1,
          'not-schedulable': 1,
          'domain-missing': 1,
          constraint: 1,
          'insufficient-cpu': 2,
          'insufficient-memory': 1,
        },
        reason:
          'no host can take an instance of acme/shop/web (0.1 cores, 64 MiB): of 7 hosts, 1 is not ready, ' +
          '1 is closed for new instances, 1 cannot realise the domain "default", 1 does not meet zone = default, ' +
          '2 have less than 0.1 cores free, 1 has less than 64 MiB of memory free',
      },
    ]);
    expect(place({ hosts: [] }, times(1))[0]).toMatchObject({ reason: expect.stringMatching(/there are no hosts/) });
  });

  it.each([
    ['zone = a', { attribute: 'zone', operator: '=', value: 'a' }, ['h1']],
    ['zone != a', { attribute: 'zone', operator: '!=', value: 'a' }, ['h2', 'h3']],
    ['host = h3', { attribute: 'host', operator: '=', value: 'h3' }, ['h3']],
    ['a label', { attribute: 'label.disk', operator: '=', value: 'ssd' }, ['h2']],
    ['a label that is absent differs', { attribute: 'label.disk', operator: '!=', value: 'ssd' }, ['h1', 'h3']],
    ['no property of the prototype', { attribute: 'label.constructor', operator: '=', value: 'x' }, []],
    ['an unknown attribute', { attribute: 'rack', operator: '=', value: 'r1' }, []],
  ] as const)('keeps constraints: %s', (_name, constraint, expected) => {
    const hosts = [
      host('h1', { zone: 'a' }),
      host('h2', { zone: 'b', labels: { disk: 'ssd' } }),
      host('h3', { zone: 'b', labels: { disk: 'hdd' } }),
    ];
    const placed = place({ hosts }, times(3, { constraints: [constraint] })).map((p) => p.host);
    expect([...new Set(placed)].filter((name) => name !== undefined).sort()).toEqual(expected);
  });

  it('refuses a snapshot with two hosts of one name', () => {
    expect(() => place({ hosts: [host('h1'), host('h1')] }, [])).toThrow(/two hosts named "h1"/);
  });
});

describe('safety', () => {
  const milli = (cores: number): number => Math.round(cores * 1000);

  /** Written apart from the filters: whether a host may have an instance, resources aside. */
  function allowed(h: SnapshotHost, d: Demand): boolean {
    const attributes: Record<string, string | undefined> = {
      host: h.name,
      zone: h.zone,
      'label.disk': h.labels['disk'],
    };
    const met = d.constraints.filter((c) =>
      c.operator === '=' ? attributes[c.attribute] === c.value : attributes[c.attribute] !== c.value,
    );
    return h.ready && h.schedulable && h.domains.includes(d.domain) && met.length === d.constraints.length;
  }

  it('never oversubscribes, never places where a filter refuses, and never refuses what would fit', () => {
    fc.assert(
      fc.property(arbitraryHosts, arbitraryDemands, (hosts, demands) => {
        const free = new Map(
          hosts.map((h) => [
            h.name,
            {
              cpu: milli(h.capacity.cpu) - milli(h.allocated.cpu),
              memory: h.capacity.memory - h.allocated.memory,
            },
          ]),
        );
        const fits = (h: SnapshotHost, d: Demand): boolean => {
          const room = free.get(h.name)!;
          return milli(d.resources.cpu) <= room.cpu && d.resources.memory <= room.memory;
        };
        for (const placement of place({ hosts }, demands)) {
          const d = placement.demand;
          if (placement.host === undefined) {
            expect(hosts.filter((h) => allowed(h, d) && fits(h, d))).toEqual([]);
            continue;
          }
          const chosen = hosts.find((h) => h.name === placement.host)!;
          expect(allowed(chosen, d) && fits(chosen, d)).toBe(true);
          const room = free.get(chosen.name)!;
          room.cpu -= milli(d.resources.cpu);
          room.memory -= d.resources.memory;
        }
      }),
    );
  });

  it('accounts for every host: the reasons add up', () => {
    fc.assert(
      fc.property(arbitraryHosts, arbitraryDemands, (hosts, demands) => {
        for (const placement of place({ hosts }, demands)) {
          const sum = Object.values(placement.refused).reduce((a, b) => a + b, 0);
          if (placement.host === undefined) expect(sum).toBe(hosts.length);
          else expect(sum).toBeLessThan(hosts.length);
        }
      }),
    );
  });

  it('scores between 0 and 1', () => {
    fc.assert(
      fc.property(arbitraryHosts, arbitraryDemands, (hosts, demands) => {
        for (const placement of place({ hosts }, demands)) {
          if (placement.host === undefined) continue;
          for (const score of Object.values(placement.scores)) {
            expect(score).toBeGreaterThanOrEqual(0);
            expect(score).toBeLessThanOrEqual(1);
          }
        }
      }),
    );
  });

  it('does not depend on the order of the hosts', () => {
    fc.assert(
      fc.property(
        arbitraryHosts.chain((hosts) =>
          fc.tuple(fc.constant(hosts), fc.shuffledSubarray(hosts, { minLength: hosts.length })),
        ),
        arbitraryDemands,
        ([hosts, shuffled], demands) => {
          expect(place({ hosts: shuffled }, demands)).toEqual(place({ hosts }, demands));
        },
      ),
    );
  });

  it('spreads evenly: a host with two more than another only where the other is full', () => {
    const fresh = arbitraryHosts.map((hosts) => hosts.map((h) => ({ ...h, instances: {}, failures: {} })));
    fc.assert(
      fc.property(fresh, fc.nat({ max: 60 }), (hosts, n) => {
        const one = demand({ resources: { cpu: 0.2, memory: 100 * MI } });
        const counts = countByHost(place({ hosts }, Array(n).fill(one)));
        const on = (h: SnapshotHost): number => counts.get(h.name) ?? 0;
        const isFull = (h: SnapshotHost): boolean =>
          milli(h.capacity.cpu) - milli(h.allocated.cpu) - 200 * on(h) < 200 ||
          h.capacity.memory - h.allocated.memory - 100 * MI * on(h) < 100 * MI;
        const most = Math.max(0, ...hosts.map(on));
        for (const h of hosts.filter((x) => allowed(x, one) && !isFull(x)))
          expect(on(h)).toBeGreaterThanOrEqual(most - 1);
      }),
    );
  });

  it('spreads evenly over zones of equal size', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 4 }),
        fc.nat({ max: 30 }),
        (zones, perZone, n) => {
          const hosts = Array.from({ length: zones * perZone }, (_, i) => host(`h${i}`, { zone: `z${i % zones}` }));
          const counts = new Map(hosts.map((h) => [h.zone, 0]));
          const zoneOf = new Map(hosts.map((h) => [h.name, h.zone]));
          for (const p of place({ hosts }, times(n))) {
            const zone = zoneOf.get(p.host ?? '') ?? '';
            counts.set(zone, (counts.get(zone) ?? 0) + 1);
          }
          expect(Math.max(...counts.values()) - Math.min(...counts.values())).toBeLessThanOrEqual(1);
        },
      ),
    );
  });
});

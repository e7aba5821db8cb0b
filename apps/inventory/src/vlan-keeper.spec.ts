import { FakeClock } from '@heddle/host';
import { EMPTY_VLAN_TABLE, type VlanTable } from '@heddle/ipam';
import type { EndpointReport, EventFact } from '@heddle/model';
import { inventoryObjects } from './objects';
import { container, domain, entriesOf, epg, report, WORLD } from './testing/objects';
import { VlanKeeper, type VlanFacts } from './vlan-keeper';

describe('VlanKeeper', () => {
  let clock: FakeClock;
  let saved: VlanTable[];
  let events: Omit<EventFact, 'at'>[];
  let isSettled: boolean;

  beforeEach(() => {
    clock = new FakeClock();
    saved = [];
    events = [];
    isSettled = true;
  });
  const keeper = (table: VlanTable = EMPTY_VLAN_TABLE): VlanKeeper => {
    const made = new VlanKeeper({
      clock,
      settled: () => isSettled,
      save: async (changed) => void saved.push(changed),
      tell: (fact) => void events.push(fact),
    });
    made.begin(table);
    return made;
  };
  const facts = (
    over: { more?: string; reported?: EndpointReport[]; silent?: string[]; position?: number } = {},
  ): VlanFacts => {
    const { more = '', reported = [], silent = [], position = 5 } = over;
    const names = ['h1', 'h2', 'h3', 'leaf1'].filter((name) => !silent.includes(name));
    return {
      objects: inventoryObjects(entriesOf(WORLD, more)),
      reports: new Map(
        names.map((name) => [
          name,
          report(
            name,
            reported.filter((e) => e.host === name),
          ),
        ]),
      ),
      positions: new Map(names.map((name) => [name, position])),
      fabrics: new Map(),
      position,
    };
  };
  const vlans = (made: VlanKeeper): Record<string, number | undefined> =>
    Object.fromEntries([...(made.inForce?.encapsulations ?? [])].map(([path, e]) => [path.split('/')[2], e.vlan]));
  const wired = (host: string, group: string, vlan: number): EndpointReport =>
    container(host, `acme/shop/${group}`, vlan % 100, { driver: 'ovs', port: 'hd1', vlan });

  it('says of every EPG how it attaches, with VLANs that are on disk', async () => {
    const made = keeper();
    expect(await made.settle(facts())).toBe(true);
    expect(vlans(made)).toEqual({ web: undefined, db: 100, cache: 200, edge: 300 });
    expect(made.inForce?.encapsulations.get('acme/shop/db')).toMatchObject({
      epg: 'acme/shop/db',
      domain: 'wire',
      spec: { driver: 'ovs', encapsulation: 'vlan' },
    });
    expect(made.inForce?.position).toBe(5);
    expect(saved).toEqual([made.table]);
    await made.settle(facts({ position: 6 }));
    expect(saved).toHaveLength(1);
  });

  it('says nothing of an EPG for which no VLAN is left, and tells that once', async () => {
    const more =
      domain('wire', 'driver: ovs, encapsulation: vlan, fabric: main, uplink: a, vlans: "100"') +
      epg('acme/shop/db2', '{ domain: wire }');
    const made = keeper();
    for (const position of [5, 6]) await made.settle(facts({ more, position }));
    expect(vlans(made)).toEqual({ web: undefined, db: 100, cache: 200, edge: 300 });
    expect(events).toEqual([
      {
        kind: 'Epg',
        tenant: 'acme',
        name: 'shop/db2',
        what: 'no-vlan',
        message: expect.stringContaining('no VLAN is left'),
      },
    ]);
  });

  it('gives nothing before it is kept', async () => {
    const failing = new VlanKeeper({
      clock,
      settled: () => true,
      save: () => Promise.reject(new Error('the store is away')),
      tell: () => undefined,
    });
    await expect(failing.settle(facts())).rejects.toThrow('the store is away');
    expect([failing.inForce, failing.table]).toEqual([undefined, EMPTY_VLAN_TABLE]);
  });

  describe('with a table that was lost', () => {
    const reported = [wired('h1', 'db', 107)];

    it('hears all hosts first, and takes over what their endpoints are in', async () => {
      const made = keeper();
      expect(await made.settle(facts({ silent: ['h1'] }))).toBe(false);
      expect([saved, made.ready]).toEqual([[], false]);
      await made.settle(facts({ reported }));
      expect(vlans(made)).toMatchObject({ db: 107, cache: 200 });
    });

    it('waits for no host without end', async () => {
      const made = keeper();
      await clock.advance(9_999);
      expect(await made.settle(facts({ silent: ['h1'] }))).toBe(false);
      await clock.advance(1);
      expect(await made.settle(facts({ silent: ['h1'] }))).toBe(true);
      expect(vlans(made)).toMatchObject({ db: 100 });
    });

    it('gives nothing while a store was accepted a moment ago', async () => {
      isSettled = false;
      const made = keeper();
      await clock.advance(60_000);
      expect(await made.settle(facts({ reported }))).toBe(false);
    });
  });

  it('does not wait when the table says everything', async () => {
    const first = keeper();
    await first.settle(facts());
    isSettled = false;
    const made = keeper(first.table);
    expect(await made.settle(facts({ silent: ['h1', 'h2', 'h3', 'leaf1'] }))).toBe(true);
    expect(saved).toHaveLength(1);
  });

  it('moves nobody later for what a host says, and tells it', async () => {
    const made = keeper();
    await made.settle(facts());
    for (let i = 0; i < 2; i++) await made.settle(facts({ reported: [wired('h1', 'cache', 100)] }));
    expect(vlans(made)).toMatchObject({ db: 100, cache: 200 });
    expect([...made.hostProblems]).toEqual([
      [
        'h1',
        [
          expect.stringContaining(
            'an endpoint of EPG acme/shop/cache on host h1 is in VLAN 100, which EPG acme/shop/db has',
          ),
        ],
      ],
    ]);
    expect(events.map(({ kind, name, what }) => `${kind} ${name} ${what}`)).toEqual(['Host h1 conflict']);
    await made.settle(facts());
    expect([...made.hostProblems]).toEqual([]);
  });
});

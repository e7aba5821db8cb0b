import fc from 'fast-check';
import {
  adoptVlans,
  assignVlans,
  boundVlans,
  EMPTY_VLAN_TABLE,
  entryOf,
  holdersOf,
  NO_VLAN_USE,
  poolUsage,
  vlanConflicts,
  vlanOf,
  type VlanClaim,
  type VlanDemand,
  type VlanTable,
  type VlanUse,
} from './vlan-table';

const LAN = { fabric: 'f', domain: 'lan', vlans: '100-102' };
const demand = (epg: string, over: Partial<VlanDemand> = {}): VlanDemand => ({
  ...LAN,
  epg,
  epgUid: `uid-${epg}`,
  ...over,
});
const use = (
  positions: Record<string, number | undefined>,
  claims: VlanClaim[] = [],
  more: Partial<VlanUse> = {},
): VlanUse => ({ ...NO_VLAN_USE, positions: new Map(Object.entries(positions)), claims, ...more });
const claim = (host: string, epg: string, vlan: number): VlanClaim => ({ host, epg, vlan });

/** Assigns one after the other, each step at the next position. */
function assignAll(steps: readonly (readonly VlanDemand[])[], known: VlanUse = NO_VLAN_USE): VlanTable {
  return steps.reduce<VlanTable>(
    (table, demands, i) => assignVlans(table, { demands, use: known, position: i + 1 }).table,
    EMPTY_VLAN_TABLE,
  );
}
const given = ({ entries }: VlanTable): string[] =>
  entries.map((e) => `${e.epg} ${e.vlan}${e.released === undefined ? '' : ` resting since ${e.released}`}`).sort();

describe('assignVlans', () => {
  it('gives each EPG one VLAN, the lowest that is free, and keeps it', () => {
    const table = assignAll([[demand('b')], [demand('a'), demand('b')], [demand('a'), demand('b')]]);
    expect(given(table)).toEqual(['a 101', 'b 100']);
    expect(vlanOf(table, demand('a'))).toBe(101);
    expect(assignVlans(table, { demands: [demand('a'), demand('b')], use: NO_VLAN_USE, position: 9 }).table).toBe(
      table,
    );
  });

  it('gives an EPG that is made anew under its name another VLAN than the one before it had', () => {
    const hosts = use({ h1: 0 });
    const table = assignAll([[demand('a')], [demand('a', { epgUid: 'new' })]], hosts);
    expect(given(table)).toEqual(['a 100 resting since 2', 'a 101']);
  });

  it('keeps a VLAN from others until every host has let go of it', () => {
    const before = assignAll([[demand('a'), demand('b')]]);
    const at = (position: number, known: VlanUse, table: VlanTable) =>
      assignVlans(table, { demands: [demand('b')], use: known, position }).table;
    // It was taken away at position 2.
    const resting = at(2, use({ h1: 1, h2: 1 }), before);
    expect(given(resting)).toEqual(['a 100 resting since 2', 'b 101']);
    for (const known of [
      use({ h1: 2, h2: 1 }),
      use({ h1: 2, h2: undefined }),
      use({ h1: 7, h2: 7 }, [claim('h3', 'a', 100)]),
      use({ h1: 7, h2: 7 }, [claim('h3', 'of-nobody', 100)]),
    ]) {
      expect(at(7, known, resting)).toBe(resting);
    }
    expect(given(at(7, use({ h1: 2, h2: 2 }), resting))).toEqual(['b 101']);
    // A host that was removed is not waited for.
    expect(given(at(7, use({ h1: 2 }), resting))).toEqual(['b 101']);
  });

  it('names the hosts that it waits for', () => {
    const [entry] = assignAll([[demand('a')], []], use({ h1: 0 })).entries;
    const known = use({ h3: undefined, h2: 5, h1: 1 }, [claim('h4', 'a', 100), claim('h5', 'a', 101)]);
    expect(holdersOf(EMPTY_VLAN_TABLE, entry as NonNullable<typeof entry>, known)).toEqual(['h1', 'h3', 'h4']);
  });

  it('waits for the controllers of its own fabric, and of no other', () => {
    const resting = assignAll([[demand('a')], []], use({ h1: 0 }));
    const [entry] = resting.entries as [VlanTable['entries'][number]];
    const at = (controllers: Record<string, number | undefined>): string[] =>
      holdersOf(resting, entry, use({ h1: 2 }, [], { controllers: new Map(Object.entries(controllers)) }));
    expect(at({ f: undefined })).toEqual(['Fabric f']);
    expect(at({ f: 1, g: 0 })).toEqual(['Fabric f']);
    expect(at({ f: 2, g: 0 })).toEqual([]);
    expect(at({ g: undefined })).toEqual([]);
  });

  it('is not held up by the same VLAN in another fabric', () => {
    const other = demand('z', { fabric: 'g', domain: 'wan' });
    const table = assignAll([[demand('a'), other], [other]], use({ h1: 0 }));
    expect(given(table)).toEqual(['a 100 resting since 2', 'z 100']);
    const known = use({ h1: 2 }, [claim('h1', 'z', 100)]);
    expect(given(assignVlans(table, { demands: [other], use: known, position: 3 }).table)).toEqual(['z 100']);
  });

  it('gives back its own to an EPG that returns to its Domain, and holds on to what it has meanwhile', () => {
    const wan = demand('a', { domain: 'wan', vlans: '200-209' });
    const hosts = use({ h1: 0 });
    const away = assignAll([[demand('a')], [wan]], hosts);
    expect(given(away)).toEqual(['a 100 resting since 2', 'a 200']);
    const back = assignVlans(away, { demands: [demand('a')], use: hosts, position: 3 }).table;
    expect(given(back)).toEqual(['a 100', 'a 200 resting since 3']);
  });

  it('leaves VLANs alone that endpoints of others are in, or that are bound at a port of a leaf', () => {
    const reserved = [{ fabric: 'f', vlan: 101, epg: 'b' }];
    const known = use({}, [claim('h1', 'stranger', 100)], { reserved });
    const { table } = assignVlans(EMPTY_VLAN_TABLE, { demands: [demand('a'), demand('b')], use: known, position: 1 });
    expect(given(table)).toEqual(['a 102', 'b 101']);
  });

  it('says of a pool without a VLAN left who has them, how many rest, and for whom', () => {
    const demands = [demand('a'), demand('b'), demand('c')];
    const full = assignAll([demands, demands.slice(1)], use({ h1: 1, h2: 1 }));
    const { shortages, table } = assignVlans(full, {
      demands: [...demands.slice(1), demand('d')],
      use: use({ h1: 2, h2: 1 }),
      position: 3,
    });
    expect(shortages.map((s) => s.message)).toEqual([
      'no VLAN is left for EPG d in the pool "100-102" of Domain lan: of its 3, 2 are given (101 to b, 102 to c), 1 rest until nobody may hold them any more (waiting for h2); add VLANs to the pool, bind the EPG to another Domain, or delete EPGs that are not needed',
    ]);
    expect(table).toBe(full);
    // What other tenants have is not told by name.
    const own = [demand('acme/x/a'), demand('blue/x/a'), demand('blue/x/b')];
    const mixed = assignVlans(EMPTY_VLAN_TABLE, {
      demands: [...own, demand('blue/x/c')],
      use: NO_VLAN_USE,
      position: 1,
    });
    expect(mixed.shortages[0]?.message).toContain(
      'of its 3, 3 are given (101 to blue/x/a, 102 to blue/x/b, 1 to EPGs of other tenants);',
    );
    // As soon as the host has let go of it, the EPG has it.
    const later = assignVlans(full, { demands: [...demands.slice(1), demand('d')], use: use({ h2: 2 }), position: 3 });
    expect(later.shortages).toEqual([]);
    expect(vlanOf(later.table, demand('d'))).toBe(100);
  });
});

describe('adoptVlans', () => {
  const adopt = (table: VlanTable, demands: VlanDemand[], claims: VlanClaim[]) =>
    adoptVlans(table, { demands, use: use({}, claims), position: 5 });

  it('takes over what endpoints are in when the table was lost', () => {
    const demands = [demand('a'), demand('b')];
    const claims = [claim('h1', 'a', 102), claim('h2', 'a', 102), claim('h1', 'b', 100)];
    const { table, conflicts } = adopt(EMPTY_VLAN_TABLE, demands, claims);
    expect(given(table)).toEqual(['a 102', 'b 100']);
    expect(conflicts).toEqual([]);
  });

  it('moves who has a VLAN by the table only out of the way of who is in it', () => {
    const stale = assignAll([[demand('b')]]);
    const { table } = adopt(stale, [demand('a'), demand('b')], [claim('h1', 'a', 100)]);
    expect(given(table)).toEqual(['a 100']);
    const { table: after } = assignVlans(table, {
      demands: [demand('a'), demand('b')],
      use: use({}, [claim('h1', 'a', 100)]),
      position: 5,
    });
    expect(given(after)).toEqual(['a 100', 'b 101']);
  });

  it('gives an EPG that the table has elsewhere the VLAN that its endpoints are in, and keeps both from others', () => {
    const stale = assignAll([[demand('a')]]);
    expect(given(adopt(stale, [demand('a')], [claim('h1', 'a', 102)]).table)).toEqual([
      'a 100 resting since 5',
      'a 102',
    ]);
    const both = [claim('h1', 'a', 102), claim('h2', 'a', 100)];
    expect(given(adopt(stale, [demand('a')], both).table)).toEqual(['a 100', 'a 102 resting since 5']);
  });

  it('leaves two EPGs in one VLAN as they are, and tells it', () => {
    const table = assignAll([[demand('a')]]);
    const claims = [claim('h1', 'a', 100), claim('h2', 'b', 100)];
    const result = adopt(table, [demand('a'), demand('b')], claims);
    expect(result.table).toBe(table);
    expect(result.conflicts.map((c) => c.message)).toEqual([
      'an endpoint of EPG b on host h2 is in VLAN 100, which EPG a has in Fabric f; it is not reached over the fabric: replace it, so that it gets a VLAN of its own',
    ]);
    expect(vlanConflicts(table, [demand('a')], use({}, claims))).toEqual([]);
  });

  it('takes no VLAN that is none of the pool', () => {
    expect(adopt(EMPTY_VLAN_TABLE, [demand('a')], [claim('h1', 'a', 900)]).table).toBe(EMPTY_VLAN_TABLE);
  });
});

describe('what is known of a table', () => {
  const table = assignAll([[demand('a'), demand('b')], [demand('b')]], use({ h1: 1 }));

  it('is how a pool is used', () => {
    const known = use({ h1: 1 }, [], { reserved: [{ fabric: 'f', vlan: 102 }] });
    expect(poolUsage(table, { name: 'lan', fabric: 'f', vlans: '100-104' }, known)).toEqual({
      size: 5,
      used: [{ vlan: 101, epg: 'b' }],
      resting: [{ vlan: 100, epg: 'a', waitsFor: ['h1'] }],
      free: 2,
    });
  });

  it('is what a pool must not lose', () => {
    expect(boundVlans(table, { name: 'lan', fabric: 'f' }).map((e) => e.vlan)).toEqual([100, 101]);
    expect(boundVlans(table, { name: 'lan', fabric: 'g' })).toEqual([]);
  });

  it('is why endpoints of an EPG are in a VLAN', () => {
    expect(entryOf(table, 'a', 100)).toMatchObject({ domain: 'lan', released: 2 });
    expect(entryOf(table, 'b', 100)).toBeUndefined();
  });
});

/**
 * EPGs come, go, come again under their names and change their Domains; hosts accept what is distributed late or never, attach
 * endpoints by what they accepted, and are removed.
 */
class World {
  table: VlanTable = EMPTY_VLAN_TABLE;
  position = 0;
  private uids = 0;
  readonly epgs = new Map<string, { domain: string; uid: string }>();
  /** By host: what it has in force, and what is attached on it. The uid says whose a VLAN truly is. */
  readonly hosts = new Map<
    string,
    { position: number; inForce: Map<string, { vlan: number; uid: string }>; attached: { epg: string; uid: string; vlan: number }[] }
  >(); // prettier-ignore

  /** What the controllers of the fabric have in force. */
  readonly controllers: { position: number; inForce: Map<string, { vlan: number; uid: string }> } = { position: 0, inForce: new Map() }; // prettier-ignore

  constructor() {
    for (const name of ['h1', 'h2', 'h3']) this.hosts.set(name, { position: 0, inForce: new Map(), attached: [] });
  }

  get demands(): VlanDemand[] {
    const pools: Record<string, string> = { lan: '100-102', wan: '103-104' };
    return [...this.epgs].map(([epg, { domain, uid }]) =>
      demand(epg, { domain, epgUid: uid, vlans: pools[domain] as string }),
    );
  }
  get use(): VlanUse {
    return use(
      Object.fromEntries([...this.hosts].map(([name, { position }]) => [name, position])),
      [...this.hosts].flatMap(([host, { attached }]) => attached.map(({ epg, vlan }) => ({ host, epg, vlan }))),
      { controllers: new Map([['f', this.controllers.position]]) },
    );
  }
  change(epg: string, domain: string | undefined, anew: boolean): void {
    if (domain === undefined) this.epgs.delete(epg);
    else {
      const uid = (anew ? undefined : this.epgs.get(epg)?.uid) ?? `u${++this.uids}`;
      this.epgs.set(epg, { domain, uid });
    }
    this.position++;
  }
  assign(): void {
    this.table = assignVlans(this.table, { demands: this.demands, use: this.use, position: this.position }).table;
  }
  accept(who: string): void {
    const known = who === 'controllers' ? this.controllers : this.hosts.get(who);
    if (!known) return;
    known.position = this.position;
    known.inForce = new Map(
      this.table.entries.flatMap((e) =>
        e.released === undefined ? [[e.epg, { vlan: e.vlan, uid: e.epgUid }] as const] : [],
      ),
    );
  }
  attach(host: string, epg: string): void {
    const known = this.hosts.get(host);
    const found = known?.inForce.get(epg);
    if (known && found) known.attached.push({ epg, ...found });
  }
}

const EPGS = ['a', 'b', 'c', 'd'];
const HOSTS = ['h1', 'h2', 'h3'];
const step = fc.oneof(
  fc.record({
    epg: fc.constantFrom(...EPGS),
    domain: fc.constantFrom('lan', 'wan', undefined),
    anew: fc.boolean(),
  }),
  fc.record({ accept: fc.constantFrom(...HOSTS, 'controllers') }),
  fc.record({ attach: fc.constantFrom(...HOSTS), of: fc.constantFrom(...EPGS) }),
  fc.record({ detach: fc.constantFrom(...HOSTS) }),
  { weight: 1, arbitrary: fc.record({ remove: fc.constantFrom(...HOSTS) }) },
);

describe('safety', () => {
  it('never gives two EPGs one VLAN, nor one that a host may hold for another', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
        const world = new World();
        for (const s of steps) {
          const before = JSON.stringify(world.table);
          const old = world.table;
          if ('epg' in s) world.change(s.epg, s.domain, s.anew);
          else if ('accept' in s) world.accept(s.accept);
          else if ('attach' in s) world.attach(s.attach, s.of);
          else if ('detach' in s) world.hosts.get(s.detach)?.attached.pop();
          else world.hosts.delete(s.remove);
          world.assign();
          expect(JSON.stringify(old)).toBe(before);

          const { entries } = world.table;
          expect(new Set(entries.map((e) => `${e.fabric} ${e.vlan}`)).size).toBe(entries.length);
          const holders = [...world.hosts.values(), { ...world.controllers, attached: [] }];
          for (const { inForce, attached } of holders) {
            for (const { vlan, uid } of [...inForce.values(), ...attached]) {
              const others = entries.filter((e) => e.vlan === vlan && e.epgUid !== uid && e.released === undefined);
              expect(others).toEqual([]);
            }
          }
          // Everybody has one, or there is none to have.
          for (const d of world.demands) {
            if (vlanOf(world.table, d) !== undefined) continue;
            expect(poolUsage(world.table, { name: d.domain, fabric: 'f', vlans: d.vlans }, world.use).free).toBe(0);
          }
          // And again changes nothing.
          const again = world.table;
          world.assign();
          expect(world.table).toBe(again);
        }
      }),
    );
  });

  it('has in the end what is wanted and nothing else, whatever came before, once all hosts have it', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40, size: 'max' }), (steps) => {
        const world = new World();
        for (const s of steps) {
          if ('epg' in s) world.change(s.epg, s.domain, s.anew);
          else if ('accept' in s) world.accept(s.accept);
          else if ('attach' in s) world.attach(s.attach, s.of);
          world.assign();
        }
        for (let round = 0; round < 2; round++) {
          for (const [name, host] of world.hosts) {
            host.attached.splice(0);
            world.accept(name);
          }
          world.accept('controllers');
          world.assign();
        }
        const fresh = assignVlans(EMPTY_VLAN_TABLE, { demands: world.demands, use: NO_VLAN_USE, position: 1 });
        expect(world.table.entries.every((e) => e.released === undefined)).toBe(true);
        const owners = (table: VlanTable): string[] => table.entries.map((e) => `${e.domain} ${e.epgUid}`).sort();
        const count = (table: VlanTable, domain: string): number =>
          table.entries.filter((e) => e.domain === domain).length;
        for (const domain of ['lan', 'wan']) expect(count(world.table, domain)).toBe(count(fresh.table, domain));
        if (fresh.shortages.length === 0) expect(owners(world.table)).toEqual(owners(fresh.table));
      }),
    );
  });

  it('takes the truth from the hosts when the table was lost: nobody moves, and nobody meets', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40, size: 'max' }), (steps) => {
        const world = new World();
        for (const s of steps) {
          if ('epg' in s) world.change(s.epg, s.domain, s.anew);
          else if ('accept' in s) world.accept(s.accept);
          else if ('attach' in s) world.attach(s.attach, s.of);
          world.assign();
        }
        const options = { demands: world.demands, use: world.use, position: world.position };
        const { table: adopted } = adoptVlans(EMPTY_VLAN_TABLE, options);
        const { table } = assignVlans(adopted, options);
        for (const d of world.demands) {
          const [was, is] = [vlanOf(world.table, d), vlanOf(table, d)];
          const attached = [...world.hosts.values()].flatMap((h) => h.attached).filter((a) => a.epg === d.epg);
          if (was !== undefined && attached.length > 0 && attached.every((a) => a.vlan === was)) expect(is).toBe(was);
          const strangers = [...world.hosts.values()].flatMap((h) => h.attached).filter((a) => a.epg !== d.epg);
          expect(strangers.filter((a) => a.vlan === is)).toEqual([]);
        }
      }),
    );
  });
});

import fc from 'fast-check';
import {
  EMPTY_ADDRESS_TABLE,
  addressOf,
  adopt,
  allocate,
  ownerOf,
  release,
  type AddressTable,
  type AllocateRequest,
} from './address-table';
import { usableAddresses } from './subnet';

const REQUEST: AllocateRequest = {
  blocks: ['10.0.0.0/29'],
  gateways: ['10.0.0.1/24'],
  owner: 'a',
  now: 1_000_000,
  restMs: 60_000,
};

function fill(table: AddressTable, owners: readonly string[], request = REQUEST): AddressTable {
  return owners.reduce((t, owner) => allocate(t, { ...request, owner })?.table ?? t, table);
}

describe('allocate', () => {
  it('gives the first free address of the blocks, never network, broadcast or gateway', () => {
    expect(allocate(EMPTY_ADDRESS_TABLE, REQUEST)).toMatchObject({ address: '10.0.0.2', gateway: '10.0.0.1/24' });
    const table = fill(EMPTY_ADDRESS_TABLE, ['a', 'b', 'c', 'd', 'e', 'f', 'g']);
    expect(Object.keys(table.held)).toEqual(['10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5', '10.0.0.6', '10.0.0.7']);
    const last = allocate(EMPTY_ADDRESS_TABLE, { ...REQUEST, blocks: ['10.0.0.254/31'] });
    expect(last?.address).toBe('10.0.0.254');
  });

  it('gives an owner what it holds already', () => {
    const first = allocate(EMPTY_ADDRESS_TABLE, REQUEST)!;
    expect(allocate(first.table, { ...REQUEST, asked: '10.0.0.5' })).toEqual(first);
  });

  it('returns nothing when the blocks are full, or are of a subnet that is gone', () => {
    const table = fill(EMPTY_ADDRESS_TABLE, ['a', 'b', 'c', 'd', 'e', 'f']);
    expect(allocate(table, { ...REQUEST, owner: 'g' })).toBeUndefined();
    expect(allocate(table, { ...REQUEST, owner: 'g', blocks: ['10.0.0.0/29', '10.0.0.8/32'] })?.address).toBe(
      '10.0.0.8',
    );
    expect(allocate(EMPTY_ADDRESS_TABLE, { ...REQUEST, gateways: ['10.9.0.1/24'] })).toBeUndefined();
    expect(allocate(EMPTY_ADDRESS_TABLE, { ...REQUEST, blocks: [] })).toBeUndefined();
  });

  it.each([
    ['free', '10.0.0.5', '10.0.0.5'],
    ['resting', '10.0.0.3', '10.0.0.3'],
    ['held by another', '10.0.0.2', undefined],
    ['outside the blocks', '10.0.0.100', undefined],
    ['the gateway', '10.0.0.1', undefined],
  ])('gives the address asked for or none: %s', (_case, asked, expected) => {
    const held = fill(EMPTY_ADDRESS_TABLE, ['x', 'y']);
    const table = release(held, 'y', REQUEST.now).table;
    expect(allocate(table, { ...REQUEST, asked })?.address).toBe(expected);
  });

  it('lets a released address rest, then gives the one released longest ago', () => {
    let table = fill(EMPTY_ADDRESS_TABLE, ['a', 'b', 'c', 'd', 'e', 'f']);
    table = release(table, 'c', REQUEST.now).table;
    table = release(table, 'a', REQUEST.now + 10).table;
    const at = (ms: number) => allocate(table, { ...REQUEST, owner: 'g', now: REQUEST.now + ms })?.address;
    expect(at(59_999)).toBeUndefined();
    expect(at(60_000)).toBe('10.0.0.4');
    expect(at(99_000)).toBe('10.0.0.4');
  });

  it('prefers an address never used to one that has rested', () => {
    const table = release(fill(EMPTY_ADDRESS_TABLE, ['a']), 'a', 0).table;
    expect(allocate(table, REQUEST)?.address).toBe('10.0.0.3');
  });

  it('does not wait for the old time after the clock was set back', () => {
    const held = fill(EMPTY_ADDRESS_TABLE, ['a', 'b', 'c', 'd', 'e']);
    const ahead = release(held, 'a', REQUEST.now + 1e9).table;
    const { table } = allocate(ahead, { ...REQUEST, owner: 'f' })!;
    expect(allocate(table, { ...REQUEST, owner: 'g', now: REQUEST.now + 60_000 })?.address).toBe('10.0.0.2');
  });

  it('refuses to go on with an address whose subnet is gone', () => {
    const { table } = allocate(EMPTY_ADDRESS_TABLE, REQUEST)!;
    expect(() => allocate(table, { ...REQUEST, gateways: ['10.9.0.1/24'] })).toThrow(
      /a holds 10\.0\.0\.2, which is in none of the subnets of the bridge domain now \(10\.9\.0\.1\/24\); release it first/,
    );
  });
});

describe('release', () => {
  it('accepts an owner it does not know', () => {
    expect(release(EMPTY_ADDRESS_TABLE, 'nobody', 1)).toEqual({ table: EMPTY_ADDRESS_TABLE, address: undefined });
  });

  it('says which address was released', () => {
    const table = fill(EMPTY_ADDRESS_TABLE, ['a']);
    expect(release(table, 'a', 5)).toEqual({ address: '10.0.0.2', table: { held: {}, released: { '10.0.0.2': 5 } } });
  });
});

describe('adopt', () => {
  it('records what is found running, even if the address was resting or is outside the blocks', () => {
    const rested = release(fill(EMPTY_ADDRESS_TABLE, ['a']), 'a', REQUEST.now).table;
    const { table, conflict } = adopt(rested, 'b', '10.0.0.2');
    expect(conflict).toBeUndefined();
    expect(ownerOf(table, '10.0.0.2')).toBe('b');
    expect(table.released).toEqual({});
    expect(adopt(table, 'c', '192.0.2.9').table.held).toEqual({ '10.0.0.2': 'b', '192.0.2.9': 'c' });
    expect(adopt(table, 'b', '10.0.0.2')).toEqual({ table });
  });

  it('reports a contradiction and changes nothing', () => {
    const table = fill(EMPTY_ADDRESS_TABLE, ['a']);
    const other = adopt(table, 'b', '10.0.0.2');
    expect(other.table).toBe(table);
    expect(other.conflict).toMatchObject({ owner: 'b', address: '10.0.0.2', heldBy: 'a' });
    const moved = adopt(table, 'a', '10.0.0.3');
    expect(moved.table).toBe(table);
    expect(moved.conflict).toMatchObject({ owner: 'a', holds: '10.0.0.2' });
    expect(moved.conflict?.message).toContain('the journal gives a the address 10.0.0.2');
  });
});

describe('safety', () => {
  const owner = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h');
  const address = fc.integer({ min: 0, max: 20 }).map((n) => `10.0.0.${n}`);
  const step = fc.oneof(
    fc.record({
      do: fc.constant('allocate' as const),
      owner,
      asked: fc.option(address, { nil: undefined }),
      wait: fc.nat({ max: 80 }),
    }),
    fc.record({ do: fc.constant('release' as const), owner, wait: fc.nat({ max: 80 }) }),
    fc.record({ do: fc.constant('adopt' as const), owner, address, wait: fc.nat({ max: 80 }) }),
  );
  const BLOCKS = ['10.0.0.0/30', '10.0.0.8/31', '10.0.0.12/32'];
  const request = { blocks: BLOCKS, gateways: ['10.0.0.1/24'], restMs: 100 };
  const usable = BLOCKS.flatMap((block) => [...usableAddresses(block, request.gateways)]);

  it('gives no address twice, none outside the blocks, and none that rests unless it is asked for', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
        let table = EMPTY_ADDRESS_TABLE;
        let now = 0;
        const releasedAt = new Map<string, number>();
        for (const s of steps) {
          now += s.wait;
          const before = table;
          const holds = addressOf(before, s.owner);
          if (s.do === 'release') {
            const result = release(table, s.owner, now);
            table = result.table;
            expect(result.address).toBe(holds);
            if (holds !== undefined) releasedAt.set(holds, now);
          } else if (s.do === 'adopt') {
            const result = adopt(table, s.owner, s.address);
            const clash = ownerOf(before, s.address) !== s.owner && (ownerOf(before, s.address) ?? holds) !== undefined;
            expect(result.conflict !== undefined).toBe(clash);
            if (clash) expect(result.table).toBe(before);
            table = result.table;
          } else {
            const result = allocate(table, { ...request, owner: s.owner, now, asked: s.asked });
            if (holds !== undefined) expect(result).toMatchObject({ address: holds, table: before });
            else if (result) {
              expect(usable).toContain(result.address);
              expect(ownerOf(before, result.address)).toBeUndefined();
              if (s.asked !== undefined) expect(result.address).toBe(s.asked);
              else expect(now - (releasedAt.get(result.address) ?? -Infinity)).toBeGreaterThanOrEqual(request.restMs);
            } else if (s.asked !== undefined) {
              expect(usable.includes(s.asked) && ownerOf(table, s.asked) === undefined).toBe(false);
            } else {
              for (const a of usable) {
                expect(ownerOf(table, a) !== undefined || now - releasedAt.get(a)! < request.restMs).toBe(true);
              }
            }
            table = result?.table ?? table;
          }
          const owners = Object.values(table.held);
          expect(new Set(owners).size).toBe(owners.length);
          expect(Object.keys(table.held).filter((a) => a in table.released)).toEqual([]);
          expect(JSON.parse(JSON.stringify(table))).toEqual(table);
        }
      }),
    );
  });
});

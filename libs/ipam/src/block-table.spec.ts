import fc from 'fast-check';
import { HeddleError, contains, networkOf, overlaps, parseAddress, parseCidr, type Cidr } from '@heddle/model';
import {
  EMPTY_BLOCK_TABLE,
  adoptBlocks,
  blocksOfHost,
  checkOverlap,
  leaseBlock,
  releaseHost,
  subnetUsage,
  type BlockRequest,
  type BlockTable,
} from './block-table';
import { usableAddresses } from './subnet';

const REQUEST: BlockRequest = {
  vrf: 'acme/default',
  bridgeDomain: 'acme/default',
  gateways: ['10.32.0.1/16'],
  host: 'h1',
};
const cidr = (text: string): Cidr => parseCidr(text) as Cidr;

/** Leases until the subnets are full; the host names follow from the number of the request. */
function exhaust(table: BlockTable, request: BlockRequest, hostOf: (i: number) => string) {
  let current = table;
  for (let i = 0; ; i++) {
    try {
      current = leaseBlock(current, { ...request, host: hostOf(i) }).table;
    } catch (error) {
      if (error instanceof HeddleError) return { table: current, error, count: i };
      throw error;
    }
  }
}

const usableOfTable = (table: BlockTable, gateways: readonly string[]): string[] =>
  table.leases.flatMap((lease) => [...usableAddresses(lease.block, gateways)]);

describe('leaseBlock', () => {
  it('gives each host blocks of its own, several if it asks again', () => {
    let table = EMPTY_BLOCK_TABLE;
    const blocks = ['h1', 'h2', 'h1'].map((host) => {
      const result = leaseBlock(table, { ...REQUEST, host });
      table = result.table;
      return result.lease.block;
    });
    expect(blocks).toEqual(['10.32.0.0/26', '10.32.0.64/26', '10.32.0.128/26']);
    expect(blocksOfHost(table, 'h1').map((lease) => lease.block)).toEqual(['10.32.0.0/26', '10.32.0.128/26']);
    expect(blocksOfHost(table, 'h1', 'acme/other')).toEqual([]);
  });

  it('leases no block over an address that is reserved, and says so when nothing else is left', () => {
    const reserved = ['10.32.0.70', '10.32.0.2'];
    const request = { ...REQUEST, gateways: ['10.32.0.1/28'], reserved };
    const { table, error } = exhaust(EMPTY_BLOCK_TABLE, request, (i) => `h${i}`);
    const all = [...usableAddresses('10.32.0.1/28', ['10.32.0.1/28'])];
    expect(usableOfTable(table, ['10.32.0.1/28']).sort()).toEqual(all.filter((a) => a !== '10.32.0.2').sort());
    expect(error.message).toContain(', 1 are those of Endpoint objects');
    const { lease } = leaseBlock(EMPTY_BLOCK_TABLE, { ...REQUEST, reserved });
    expect(reserved.map((a) => contains(cidr(lease.block), parseAddress(a)!))).toEqual([false, false]);
  });

  it('answers a repeated request with the lease the host has not heard of', () => {
    const first = leaseBlock(EMPTY_BLOCK_TABLE, { ...REQUEST, have: [] });
    const repeated = leaseBlock(first.table, { ...REQUEST, have: [] });
    expect(repeated).toEqual(first);
    const next = leaseBlock(repeated.table, { ...REQUEST, have: [first.lease.block] });
    expect(next.lease.block).not.toBe(first.lease.block);
  });

  it('serves 30 hosts, and more, from a /24', () => {
    const { table, count } = exhaust(EMPTY_BLOCK_TABLE, { ...REQUEST, gateways: ['10.0.0.1/24'] }, (i) => `h${i}`);
    expect(count).toBeGreaterThanOrEqual(40);
    expect(new Set(table.leases.slice(0, 30).map((lease) => lease.host)).size).toBe(30);
    for (const lease of table.leases)
      expect([...usableAddresses(lease.block, ['10.0.0.1/24'])].length).toBeGreaterThan(0);
  });

  it('goes on to the next subnet of the bridge domain', () => {
    const gateways = ['10.0.0.1/30', '10.0.1.1/30'];
    const { table } = exhaust(EMPTY_BLOCK_TABLE, { ...REQUEST, gateways }, () => 'h1');
    expect(table.leases.map((lease) => lease.block)).toEqual(['10.0.0.2/32', '10.0.1.2/32']);
  });

  it('says which subnet is full, who has it and what to do', () => {
    const { error } = exhaust(EMPTY_BLOCK_TABLE, { ...REQUEST, gateways: ['10.0.0.1/28'] }, (i) => `h${i % 7}`);
    expect(error.code).toBe('limit');
    expect(error.retryable).toBe(false);
    expect(error.message).toMatch(
      /^no address is left in bridge domain acme\/default for host h\d: of the 13 addresses of 10\.0\.0\.0\/28, 13 are leased \(h\d \d, .* and 2 more hosts\)\. Add a subnet to the bridge domain, or remove hosts/,
    );
    expect(() => leaseBlock(EMPTY_BLOCK_TABLE, { ...REQUEST, gateways: [] })).toThrow(/has no subnet: add one/);
    expect(() => leaseBlock(EMPTY_BLOCK_TABLE, { ...REQUEST, gateways: ['10.0.0.1'] })).toThrow(/found "10.0.0.1"/);
  });

  it('lets different VRFs use equal addresses', () => {
    const { table } = leaseBlock(EMPTY_BLOCK_TABLE, REQUEST);
    const other = leaseBlock(table, { ...REQUEST, vrf: 'globex/default', bridgeDomain: 'globex/default' });
    expect(other.lease.block).toBe('10.32.0.0/26');
    expect(checkOverlap(other.table)).toEqual([]);
  });

  it('keeps a block of a subnet that is gone out of new leases of the VRF', () => {
    const { table } = leaseBlock(EMPTY_BLOCK_TABLE, REQUEST);
    const moved = { ...REQUEST, bridgeDomain: 'acme/new', gateways: ['10.32.0.1/20'], host: 'h2' };
    const next = leaseBlock(table, moved);
    expect(overlaps(cidr(next.lease.block), cidr('10.32.0.0/26'))).toBe(false);
    expect(blocksOfHost(next.table, 'h1')).toHaveLength(1);
    const after = exhaust(releaseHost(next.table, 'h1').table, moved, () => 'h2').table;
    expect(after.leases.some((lease) => overlaps(cidr(lease.block), cidr('10.32.0.0/26')))).toBe(true);
  });

  it('takes the leases of a bridge domain along to another VRF', () => {
    const { table } = leaseBlock(EMPTY_BLOCK_TABLE, REQUEST);
    const moved = leaseBlock(table, { ...REQUEST, vrf: 'acme/dmz', host: 'h2' });
    expect(moved.table.leases.map((lease) => lease.vrf)).toEqual(['acme/dmz', 'acme/dmz']);
    expect(checkOverlap(moved.table)).toEqual([]);
  });

  it('leases IPv6 blocks', () => {
    const { lease } = leaseBlock(EMPTY_BLOCK_TABLE, { ...REQUEST, gateways: ['fd00::1/64'] });
    expect(lease.block).toBe('fd00::/122');
  });
});

describe('releaseHost', () => {
  it('returns all blocks of the host, once', () => {
    const { table, lease } = leaseBlock(EMPTY_BLOCK_TABLE, REQUEST);
    const result = releaseHost(table, 'h1');
    expect(result.released).toEqual([lease]);
    expect(result.table.leases).toEqual([]);
    expect(releaseHost(result.table, 'h1')).toEqual({ table: result.table, released: [] });
  });

  it('lets what came back rest while there is other room', () => {
    const first = leaseBlock(EMPTY_BLOCK_TABLE, REQUEST);
    const next = leaseBlock(releaseHost(first.table, 'h1').table, { ...REQUEST, host: 'h2' });
    expect(next.lease.block).toBe('10.32.0.64/26');
  });
});

describe('adoptBlocks', () => {
  const held = { vrf: 'acme/default', bridgeDomain: 'acme/default', block: '10.32.0.64/26' };

  it('takes over what a host holds and the table does not know, so that nobody else is given it', () => {
    const { table, conflicts } = adoptBlocks(EMPTY_BLOCK_TABLE, 'h2', [held]);
    expect(conflicts).toEqual([]);
    expect(adoptBlocks(table, 'h2', [held])).toEqual({ table, conflicts: [] });
    const blocks = ['h1', 'h3'].reduce((t, host) => leaseBlock(t, { ...REQUEST, host }).table, table);
    expect(blocks.leases.map((lease) => `${lease.host} ${lease.block}`)).toEqual([
      'h2 10.32.0.64/26',
      'h1 10.32.0.0/26',
      'h3 10.32.0.128/26',
    ]);
  });

  it('ends the rest of a block that came back', () => {
    const leased = leaseBlock(EMPTY_BLOCK_TABLE, { ...REQUEST, host: 'h1' }).table;
    const { table } = adoptBlocks(releaseHost(leased, 'h1').table, 'h1', [{ ...held, block: '10.32.0.0/26' }]);
    expect(table).toEqual({ leases: leased.leases, returned: [] });
  });

  it('does not take over what another host has', () => {
    const { table } = adoptBlocks(EMPTY_BLOCK_TABLE, 'h2', [held]);
    const other = adoptBlocks(table, 'h1', [{ ...held, block: '10.32.0.96/27' }]);
    expect(other.table).toBe(table);
    expect(other.conflicts).toEqual([{ block: '10.32.0.96/27', heldBy: { ...held, host: 'h2' } }]);
  });

  it('keeps a block of a bridge domain that is not known until it turns up', () => {
    const { table } = adoptBlocks(EMPTY_BLOCK_TABLE, 'h2', [{ ...held, vrf: '' }]);
    expect(leaseBlock(table, { ...REQUEST, host: 'h1' }).table.leases).toEqual([
      { ...held, host: 'h2' },
      { ...held, block: '10.32.0.0/26', host: 'h1' },
    ]);
    expect(adoptBlocks(table, 'h1', [{ ...held, vrf: '' }]).conflicts).toHaveLength(1);
  });
});

describe('checkOverlap', () => {
  it('finds nested and equal blocks of one VRF', () => {
    const lease = (block: string, host: string, vrf = 'v') => ({ vrf, bridgeDomain: 'b', block, host });
    const [a, b, c, d] = [
      lease('10.0.0.0/24', 'h1'),
      lease('10.0.0.64/26', 'h2'),
      lease('10.0.0.64/26', 'h3'),
      lease('10.0.1.0/24', 'h4'),
    ];
    const table = { leases: [d!, c!, a!, b!, lease('10.0.0.0/24', 'h5', 'w')], returned: [] };
    const pairs = checkOverlap(table).map((pair) => pair.map((l) => l.host).sort());
    expect(pairs.sort()).toEqual([
      ['h1', 'h2'],
      ['h1', 'h3'],
      ['h2', 'h3'],
    ]);
  });
});

describe('subnetUsage', () => {
  it('counts addresses by host, most first', () => {
    let table = EMPTY_BLOCK_TABLE;
    for (const host of ['h1', 'h2', 'h2']) table = leaseBlock(table, { ...REQUEST, host }).table;
    expect(subnetUsage(table, REQUEST.vrf, '10.32.0.1/16')).toEqual({
      subnet: '10.32.0.0/16',
      usable: 65_533,
      leased: 190,
      hosts: [
        { host: 'h2', blocks: 2, addresses: 128 },
        { host: 'h1', blocks: 1, addresses: 62 },
      ],
    });
  });
});

describe('safety', () => {
  // Subnets that nest, repeat and move, so that blocks of subnets that are gone lie in the way.
  const GATEWAYS = ['10.0.0.1/24', '10.0.0.129/25', '10.0.0.1/28', '10.0.0.254/23', '10.0.1.77/24', '10.0.0.5/29'];
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        host: fc.constantFrom('h1', 'h2', 'h3', 'h4'),
        bridgeDomain: fc.constantFrom('t/a', 't/b'),
        gateway: fc.constantFrom(...GATEWAYS),
        want: fc.integer({ min: 1, max: 300 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ release: fc.constantFrom('h1', 'h2', 'h3', 'h4') }) },
  );

  it('never leases overlapping blocks, nor outside the subnet, nor without an address to give', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
        let table = EMPTY_BLOCK_TABLE;
        for (const s of steps) {
          const before = JSON.stringify(table);
          const snapshot = table;
          if ('release' in s) {
            table = releaseHost(table, s.release).table;
            expect(blocksOfHost(table, s.release)).toEqual([]);
          } else {
            try {
              const result = leaseBlock(table, { ...REQUEST, vrf: 't/v', ...s, gateways: [s.gateway] });
              table = result.table;
              const subnet = networkOf(cidr(s.gateway));
              expect(contains(subnet, cidr(result.lease.block))).toBe(true);
              expect([...usableAddresses(result.lease.block, [s.gateway])].length).toBeGreaterThan(0);
            } catch (error) {
              expect(error).toMatchObject({ code: 'limit' });
              const blocks = table.leases.map((lease) => cidr(lease.block));
              const free = [...usableAddresses(s.gateway, [s.gateway])].filter((text) => {
                const address = parseAddress(text)!;
                return !blocks.some((block) => contains(block, address));
              });
              expect(free).toEqual([]);
            }
          }
          expect(JSON.stringify(snapshot)).toBe(before);
          expect(checkOverlap(table)).toEqual([]);
          expect(JSON.parse(JSON.stringify(table))).toEqual(table);
        }
      }),
    );
  });

  it('makes every address of a subnet usable in the end, exactly once', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...GATEWAYS),
        fc.integer({ min: 1, max: 64 }),
        fc.integer({ min: 1, max: 6 }),
        (gateway, want, hosts) => {
          const request = { ...REQUEST, gateways: [gateway], want };
          const { table } = exhaust(EMPTY_BLOCK_TABLE, request, (i) => `h${i % hosts}`);
          const all = [...usableAddresses(gateway, [gateway])];
          expect(usableOfTable(table, [gateway]).sort()).toEqual(all.sort());
        },
      ),
    );
  });
});

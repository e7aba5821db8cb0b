import type { HeddleObject, Specs } from '@heddle/model';
import fc from 'fast-check';
import type { FirstPacket } from '../packet';
import { bridgeDomain, build, contract, epg, tenant, vrf } from './build';

/** Small policies, dense enough that contracts meet, filters overlap and denies cut permits. */

const PORTS = { min: 78, max: 84 };
const ports = fc.option(
  fc.tuple(fc.integer(PORTS), fc.integer({ min: 0, max: 3 })).map(([from, length]) => ({ from, to: from + length })),
  { nil: undefined },
);

const entry: fc.Arbitrary<Omit<Specs['Filter']['entries'][number], 'name' | 'etherType'>> = fc.oneof(
  fc.record({
    protocol: fc.constantFrom('tcp' as const, 'udp' as const, 6, 17),
    sourcePorts: ports,
    destinationPorts: ports,
  }),
  fc.record({
    protocol: fc.constantFrom('icmp' as const, 1),
    icmpType: fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined }),
  }),
  fc.record({ protocol: fc.constantFrom('unspecified' as const, 47, 0) }),
);

const names = (prefix: string, count: number): string[] => Array.from({ length: count }, (_, i) => `${prefix}${i}`);
const FILTERS = names('f', 4);
const CONTRACTS = names('c', 4);

const filters = fc.array(fc.array(entry, { minLength: 1, maxLength: 3 }), { minLength: 4, maxLength: 4 }).map((all) =>
  all.map((entries, i) =>
    build('Filter', `acme/f${i}`, {
      entries: entries.map((e, j) => ({ name: `e${j}`, etherType: 'ip' as const, ...e })),
    }),
  ),
);

const subject = fc.record({
  filters: fc.subarray(FILTERS, { minLength: 1, maxLength: 3 }),
  action: fc.constantFrom('permit' as const, 'permit' as const, 'deny' as const),
});

const contracts = fc
  .array(
    fc.tuple(
      fc.array(subject, { minLength: 1, maxLength: 2 }),
      fc.constantFrom('application' as const, 'vrf' as const),
    ),
    {
      minLength: 4,
      maxLength: 4,
    },
  )
  .map((all) => all.map(([subjects, scope], i) => contract(`acme/c${i}`, subjects, scope)));

export const EPGS = ['acme/a/x', 'acme/a/y', 'acme/a/z', 'acme/b/x', 'acme/b/y'];

const epgs = fc
  .tuple(
    ...EPGS.map((path) =>
      fc.record({
        exists: fc.integer({ min: 0, max: 5 }).map((n) => n > 0),
        path: fc.constant(path),
        uid: fc.constantFrom('1', '2').map((n) => `${path}#${n}`),
        provides: fc.subarray(CONTRACTS),
        consumes: fc.subarray(CONTRACTS),
        isolation: fc.constantFrom('unenforced' as const, 'unenforced' as const, 'enforced' as const),
      }),
    ),
  )
  // The last EPG is in a VRF of its own.
  .map((all) =>
    all
      .filter(({ exists }) => exists)
      .map(({ path, uid, exists: _, ...spec }) =>
        epg(
          path,
          { ...spec, bridgeDomain: path === 'acme/b/y' ? 'apart' : path === 'acme/b/x' ? 'second' : 'default' },
          uid,
        ),
      ),
  );

export const policy: fc.Arbitrary<HeddleObject[]> = fc
  .tuple(fc.integer({ min: 0, max: 4 }), filters, contracts, epgs)
  .map(([n, ...rest]) => [
    tenant('acme'),
    vrf('acme/default', n === 0 ? 'unenforced' : 'enforced'),
    vrf('acme/apart', 'unenforced'),
    bridgeDomain('acme/default', '10.1.0.1/16'),
    bridgeDomain('acme/second', '10.2.0.1/16'),
    bridgeDomain('acme/apart', '10.1.0.1/16', 'apart'),
    ...rest.flat(),
  ]);

export const packet: fc.Arbitrary<FirstPacket> = fc.oneof(
  fc.record({
    protocol: fc.constantFrom('tcp' as const, 17),
    sourcePort: fc.integer({ min: PORTS.min - 1, max: PORTS.max + 4 }),
    destinationPort: fc.integer({ min: PORTS.min - 1, max: PORTS.max + 4 }),
  }),
  fc.record({ protocol: fc.constant('icmp' as const), icmpType: fc.integer({ min: 0, max: 4 }) }),
  fc.record({ protocol: fc.constantFrom(47, 0, 132) }),
);

export const pair = fc.tuple(fc.constantFrom(...EPGS), fc.constantFrom(...EPGS));

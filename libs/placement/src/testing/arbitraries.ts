import fc from 'fast-check';
import type { Constraint } from '@heddle/model';
import type { Demand, SnapshotHost } from '../snapshot';

/** A host with room for ten small instances, unless told otherwise. */
export function host(name: string, over: Partial<SnapshotHost> = {}): SnapshotHost {
  return {
    name,
    zone: 'default',
    labels: {},
    capacity: { cpu: 4, memory: 4096 * MI },
    allocated: { cpu: 0, memory: 0 },
    domains: ['default'],
    ready: true,
    schedulable: true,
    instances: {},
    ...over,
  };
}

export const MI = 1024 ** 2;

export function demand(over: Partial<Demand> = {}): Demand {
  return {
    service: 'acme/shop/web',
    resources: { cpu: 0.1, memory: 64 * MI },
    constraints: [],
    domain: 'default',
    ...over,
  };
}

const SERVICES = ['acme/shop/web', 'acme/shop/api', 'globex/site/web'];
const counts = fc.dictionary(fc.constantFrom(...SERVICES), fc.nat({ max: 7 }));
const mostly = (value: boolean) => fc.integer({ min: 0, max: 5 }).map((n) => (n === 0 ? !value : value));

export const arbitraryHosts: fc.Arbitrary<SnapshotHost[]> = fc
  .array(
    fc.record({
      zone: fc.constantFrom('a', 'b', 'c'),
      labels: fc.record({ disk: fc.constantFrom('ssd', 'hdd') }, { requiredKeys: [] }) as fc.Arbitrary<
        Record<string, string>
      >,
      capacity: fc.record({
        cpu: fc.integer({ min: 0, max: 40 }).map((n) => n / 10),
        memory: fc.nat({ max: 2048 * MI }),
      }),
      allocated: fc.record({
        cpu: fc.integer({ min: 0, max: 20 }).map((n) => n / 10),
        memory: fc.nat({ max: 1024 * MI }),
      }),
      domains: fc.subarray(['default', 'fabric'], { minLength: 0 }),
      ready: mostly(true),
      schedulable: mostly(true),
      instances: counts,
      failures: counts,
    }),
    { maxLength: 12, size: 'max' },
  )
  .map((hosts) => hosts.map((h, i) => ({ ...h, name: `h${i}` })));

const constraint: fc.Arbitrary<Constraint> = fc.oneof(
  fc.record({ attribute: fc.constant('zone'), operator: fc.constantFrom('=', '!='), value: fc.constantFrom('a', 'b') }),
  fc.record({ attribute: fc.constant('label.disk'), operator: fc.constantFrom('=', '!='), value: fc.constant('ssd') }),
  fc.record({ attribute: fc.constant('host'), operator: fc.constantFrom('=', '!='), value: fc.constant('h1') }),
);

export const arbitraryDemands: fc.Arbitrary<Demand[]> = fc.array(
  fc.record({
    service: fc.constantFrom(...SERVICES),
    resources: fc.record({
      cpu: fc.integer({ min: 1, max: 1500 }).map((n) => n / 1000),
      memory: fc.integer({ min: 4 * MI, max: 512 * MI }),
    }),
    constraints: fc.array(constraint, { maxLength: 2 }),
    domain: fc.constantFrom('default', 'default', 'fabric'),
  }),
  { maxLength: 40, size: 'max' },
);

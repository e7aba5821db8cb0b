import type { FilterEntry, Packet, PlainObject } from '../objects';

/** Numbers from a seed: Mulberry32 (Tommy Ettinger), good enough to draw small policies and the same everywhere. */
export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  /** A number from 0 to below `limit`. */
  below(limit: number): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % limit;
  }

  /** True once in `times`. */
  once(times: number): boolean {
    return this.below(times) === 0;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  /** Each item with the same chance of one in `times`. */
  some<T>(items: readonly T[], times: number): T[] {
    return items.filter(() => this.once(times));
  }
}

/** A policy with the kinds that matter, as admission leaves it: every reference resolves, every object has a uid. */
export interface RandomPolicy {
  readonly objects: readonly PlainObject[];
  readonly epgs: readonly string[];
}

// Few ports and types, so that filters overlap and packets hit them.
const FIRST_PORT = 78;
const PORT_COUNT = 3;
const TENANTS = ['acme', 'blue'];

export function randomPolicy(random: Random): RandomPolicy {
  const objects = TENANTS.slice(0, random.once(3) ? 2 : 1).flatMap((tenant) => randomTenant(random, tenant));
  const epgs = objects
    .filter((o) => o.kind === 'Epg')
    .map(({ metadata: { tenant, application, name } }) => `${tenant}/${application}/${name}`);
  return { objects, epgs };
}

function randomTenant(random: Random, tenant: string): PlainObject[] {
  const make = (kind: string, name: string, spec: object, application?: string): PlainObject => {
    const at = { tenant, ...(application ? { application } : {}), name };
    const metadata = { ...at, labels: {}, annotations: {}, uid: `${kind}/${Object.values(at).join('/')}`, revision: 1 };
    return { kind, metadata, spec };
  };
  const vrfs = names('vrf', random.once(3) ? 2 : 1);
  const bridgeDomains = names('bd', 1 + random.below(3));
  const filters = names('f', 2 + random.below(3));
  const contracts = names('c', 1 + random.below(4));
  const epgs = ['shop', 'blog'].flatMap((application) =>
    names('e', 1 + random.below(3)).map((name) => ({ application, name })),
  );
  return [
    { kind: 'Tenant', metadata: { name: tenant }, spec: { network: { gateway: '10.32.0.1/16' } } },
    ...vrfs.map((name) => make('Vrf', name, { enforcement: random.once(5) ? 'unenforced' : 'enforced' })),
    ...bridgeDomains.map((name, i) =>
      make('BridgeDomain', name, { vrf: random.pick(vrfs), subnets: [{ gateway: `10.${i}.0.1/16` }] }),
    ),
    ...filters.map((name) =>
      make('Filter', name, { entries: names('e', 1 + random.below(4)).map((entry) => randomEntry(random, entry)) }),
    ),
    ...contracts.map((name) =>
      make('Contract', name, {
        scope: random.pick(['application', 'vrf']),
        subjects: names('s', 1 + random.below(3)).map((subject) => ({
          name: subject,
          filters: [random.pick(filters), ...random.some(filters, 2)],
          action: random.once(3) ? 'deny' : 'permit',
        })),
      }),
    ),
    ...epgs.map(({ application, name }) =>
      make(
        'Epg',
        name,
        {
          bridgeDomain: random.pick(bridgeDomains),
          domain: 'default',
          provides: [random.pick(contracts), ...random.some(contracts, 2)],
          consumes: [random.pick(contracts), ...random.some(contracts, 2)],
          isolation: random.once(4) ? 'enforced' : 'unenforced',
        },
        application,
      ),
    ),
  ];
}

const names = (prefix: string, count: number): string[] => Array.from({ length: count }, (_, i) => `${prefix}${i}`);

function randomEntry(random: Random, name: string): FilterEntry & { name: string; etherType: string } {
  const etherType = random.pick(['ip', 'unspecified']);
  const protocol = random.pick([
    'tcp',
    'tcp',
    'tcp',
    'tcp',
    6,
    6,
    6,
    'udp',
    17,
    'icmp',
    'icmp',
    1,
    1,
    47,
    132,
    0,
    'unspecified',
  ]);
  const entry = { name, etherType, protocol };
  switch (protocol) {
    case 'tcp':
    case 'udp':
    case 6:
    case 17:
      return {
        ...entry,
        ...(random.once(2) ? { sourcePorts: randomRange(random) } : {}),
        ...(random.once(3) ? {} : { destinationPorts: randomRange(random) }),
      };
    case 'icmp':
    case 1:
      return { ...entry, ...(random.once(2) ? { icmpType: random.below(3) } : {}) };
    default:
      return entry;
  }
}

function randomRange(random: Random): { from: number; to: number } {
  const from = FIRST_PORT + random.below(PORT_COUNT);
  return { from, to: from + (random.once(3) ? 0 : random.below(4)) };
}

/** A packet of the same few protocols, ports and types, now and then just outside of them. */
export function randomPacket(random: Random): Packet {
  const protocol = random.pick(['tcp', 'tcp', 'tcp', 'tcp', 6, 6, 'udp', 17, 'icmp', 1, 47, 132, 0, 50] as const);
  switch (protocol) {
    case 'tcp':
    case 'udp':
    case 6:
    case 17:
      return {
        protocol,
        sourcePort: FIRST_PORT - 1 + random.below(PORT_COUNT + 2),
        destinationPort: FIRST_PORT - 1 + random.below(PORT_COUNT + 2),
      };
    case 'icmp':
    case 1:
      return { protocol, icmpType: random.below(4) };
    default:
      return { protocol };
  }
}

import type { Constraint } from '@heddle/model';
import { milliNeeded, type HostState, type Request } from './board';
import { are, bytes, cores, have } from './format';
import type { Demand, SnapshotHost } from './snapshot';

/** Why a host was refused. Metrics, API and messages share these words. */
export type RefusalReason =
  'host-not-ready' | 'not-schedulable' | 'domain-missing' | 'constraint' | 'insufficient-cpu' | 'insufficient-memory';

/** How many hosts were refused for each reason. Every refused host counts once, under the first reason that it meets. */
export type Refusals = Readonly<Partial<Record<RefusalReason, number>>>;

/** One rule about where an instance may go. */
export interface Filter {
  readonly reason: RefusalReason;
  /**
   * Whether the answer changes as instances are placed. The filters where it does not depend on the host, the
   * constraints and the domain only, and are asked once for all demands that share these.
   */
  readonly changes: boolean;
  /** Whether the rule has anything to say about this demand. */
  applies(demand: Demand): boolean;
  /** Whether the host can take it. */
  check(host: HostState, request: Request): boolean;
  /** What the refusal of a number of hosts means: "2 are not ready". `first` is one of them, for an example where it helps. */
  explain(hosts: number, demand: Demand, first?: SnapshotHost): string;
  /** What the refusal of this host means, with the amounts found. */
  detail(host: HostState, request: Request): string;
}

const ready: Filter = {
  reason: 'host-not-ready',
  changes: false,
  applies: () => true,
  check: ({ host }) => host.ready,
  explain: (hosts) => `${are(hosts)} not ready`,
  detail: () => 'it is not ready: nothing has been heard from it lately',
};

const schedulable: Filter = {
  reason: 'not-schedulable',
  changes: false,
  applies: () => true,
  check: ({ host }) => host.schedulable,
  explain: (hosts) => `${are(hosts)} closed for new instances`,
  detail: () => 'an operator closed it for new instances (spec.schedulable: false)',
};

const domain: Filter = {
  reason: 'domain-missing',
  changes: false,
  applies: () => true,
  check: (host, { demand }) => host.domains.has(demand.domain),
  explain: (hosts, demand, first) => {
    const why = first && problemOf(first, demand.domain);
    return `${hosts} cannot realise the domain "${demand.domain}"${why === undefined ? '' : ` (${first?.name} ${why})`}`;
  },
  detail: ({ host }, { demand }) => {
    const why = problemOf(host, demand.domain) ?? `realises ${host.domains.join(', ') || 'none'}`;
    return `the EPG attaches through the domain "${demand.domain}"; this host ${why}`;
  },
};

function problemOf({ domainProblems = {} }: SnapshotHost, domain: string): string | undefined {
  return Object.hasOwn(domainProblems, domain) ? domainProblems[domain] : undefined;
}

/** What a constraint asks about. */
type Placeable = Pick<SnapshotHost, 'name' | 'zone' | 'labels'>;

/** The constraints that a host does not meet. */
export const unmetConstraints = (host: Placeable, constraints: readonly Constraint[]): Constraint[] =>
  constraints.filter((constraint) => !meets(host, constraint));

const constraint: Filter = {
  reason: 'constraint',
  changes: false,
  applies: (demand) => demand.constraints.length > 0,
  check: ({ host }, { demand }) => unmetConstraints(host, demand.constraints).length === 0,
  explain: (hosts, demand) =>
    `${hosts} ${hosts === 1 ? 'does' : 'do'} not meet ${demand.constraints.map(constraintText).join(' and ')}`,
  detail: ({ host }, { demand }) =>
    unmetConstraints(host, demand.constraints)
      .map((c) => `${constraintText(c)} is asked for; found ${attributeOf(host, c.attribute) ?? 'no such attribute'}`)
      .join('; '),
};

const cpu: Filter = {
  reason: 'insufficient-cpu',
  changes: true,
  applies: () => true,
  check: (host, request) => request.cpu <= host.freeCpu,
  explain: (hosts, demand) => `${have(hosts)} less than ${cores(milliNeeded(demand.resources.cpu))} free`,
  detail: (host, request) =>
    `${cores(request.cpu)} asked for; ${cores(Math.max(0, host.freeCpu))} of ${cores(host.cpu)} free`,
};

const memory: Filter = {
  reason: 'insufficient-memory',
  changes: true,
  applies: () => true,
  check: (host, request) => request.memory <= host.freeMemory,
  explain: (hosts, demand) => `${have(hosts)} less than ${bytes(demand.resources.memory)} of memory free`,
  detail: (host, request) =>
    `${bytes(request.memory)} of memory asked for; ${bytes(host.freeMemory)} of ${bytes(host.memory)} free`,
};

/** All filters, in the order in which they are asked: what rules a host out for good before what may pass. */
export const FILTERS: readonly Filter[] = [ready, schedulable, domain, constraint, cpu, memory];

/** The first filter that refuses the host; undefined if none does. */
export function firstRefusal(filters: readonly Filter[], host: HostState, request: Request): Filter | undefined {
  for (const filter of filters) if (!filter.check(host, request)) return filter;
  return undefined;
}

/** Whether a host meets a constraint. An attribute that a host does not have differs from every value. */
function meets(host: Placeable, { attribute, operator, value }: Constraint): boolean {
  return (attributeOf(host, attribute) === value) === (operator === '=');
}

function attributeOf(host: Placeable, attribute: string): string | undefined {
  if (attribute === 'host') return host.name;
  if (attribute === 'zone') return host.zone;
  const key = attribute.startsWith('label.') ? attribute.slice('label.'.length) : '';
  return Object.hasOwn(host.labels, key) ? host.labels[key] : undefined;
}

/** `host != h1`. */
export const constraintText = ({ attribute, operator, value }: Constraint): string =>
  `${attribute} ${operator} ${value}`;

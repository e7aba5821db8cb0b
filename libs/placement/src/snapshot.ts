import type { Constraint, Labels, Resources } from '@heddle/model';

/** A host as the scheduler sees it at one moment. */
export interface SnapshotHost {
  readonly name: string;
  readonly zone: string;
  readonly labels: Labels;
  /** Cores and bytes that instances may take. */
  readonly capacity: Pick<Resources, 'cpu' | 'memory'>;
  /** Cores and bytes taken by every instance that is there or on its way, those that are stopping included. */
  readonly allocated: Pick<Resources, 'cpu' | 'memory'>;
  /** Names of the Domains that the host can realise. */
  readonly domains: readonly string[];
  /** Why it cannot realise others, by their names: a sentence that goes on after the host's name. */
  readonly domainProblems?: Readonly<Record<string, string>>;
  /** Whether it is heard from. */
  readonly ready: boolean;
  /** false: an operator keeps new instances away. */
  readonly schedulable: boolean;
  /** Number of instances by path of their service. */
  readonly instances: Readonly<Record<string, number>>;
  /**
   * Number of failures by path of the service, as the caller counts them. The scheduler counts the restarts of instances
   * that failed and wait for the next one: when they run again, nothing is held against the host.
   */
  readonly failures?: Readonly<Record<string, number>>;
}

/** Everything a placement is decided on. The order of the hosts does not matter. */
export interface Snapshot {
  readonly hosts: readonly SnapshotHost[];
}

/** One instance to place. */
export interface Demand {
  /** Path of the service, such as acme/shop/web. */
  readonly service: string;
  readonly resources: Pick<Resources, 'cpu' | 'memory'>;
  readonly constraints: readonly Constraint[];
  /** Name of the Domain of its EPG: the host must be able to realise it. */
  readonly domain: string;
}

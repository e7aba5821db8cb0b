import type { EventFact, HeddleObject, HostView, Principal, ServiceView } from '@heddle/model';

/** The bodies of the HTTP API, as docs/api.md describes them. */

export interface ListAnswer {
  /** `ServiceList`. */
  readonly kind: string;
  readonly items: readonly HeddleObject[];
  /** Position of the log that the list shows. */
  readonly position: number;
  /** Token of the next page. */
  readonly continue?: string;
}

export interface ChangedObject {
  /** `Service/acme/shop/web`. */
  readonly key: string;
  readonly action: 'created' | 'updated' | 'deleted';
}

export interface PlannedStart {
  readonly service: string;
  /** Absent when no host takes it; the reason says why. */
  readonly host?: string;
  readonly reason: string;
  /** The allocation among those that stop whose place it takes. */
  readonly replaces?: string;
}

export interface PlannedStop {
  readonly service: string;
  readonly allocation: string;
  readonly host: string;
  readonly reason: string;
}

export interface PathLine {
  readonly source: string;
  readonly destination: string;
  /** `tcp 8080`, `icmp`, `any`. */
  readonly traffic: string;
  /** The contract, or a built-in rule. */
  readonly origin: string;
}

export interface Plan {
  readonly changed: readonly ChangedObject[];
  readonly containers: { readonly start: readonly PlannedStart[]; readonly stop: readonly PlannedStop[] };
  readonly paths: { readonly opened: readonly PathLine[]; readonly closed: readonly PathLine[] };
}

export interface ChangeAnswer {
  readonly position: number;
  readonly changed: readonly ChangedObject[];
  readonly object?: HeddleObject;
  /** With dryRun. */
  readonly plan?: Plan;
}

/** A Fabric on whose controllers a change is not in force, and why. */
export interface FabricBehind {
  readonly fabric: string;
  readonly state: string;
  readonly problem?: string;
}

/** How far a change is. */
export interface ChangeStatus {
  readonly position: number;
  readonly policy: {
    /** On so many hosts of so many. */
    readonly inForce: number;
    readonly hosts: number;
    readonly missing: readonly string[];
    /** Fabrics on whose controllers it is not. */
    readonly fabrics?: readonly FabricBehind[];
  };
  readonly services: readonly ServiceView[];
  readonly settled: boolean;
}

export interface HistoryEntry {
  readonly position: number;
  readonly changeId: string;
  readonly at: string;
  readonly by: Principal | string;
  readonly verb: string;
  readonly summary: string;
  readonly changed: readonly ChangedObject[];
}

export interface ProbePeer {
  readonly allocation: string;
  /** tenant/application/name */
  readonly epg: string;
  readonly host: string;
  readonly address: string;
}

export interface ProbeEntry {
  readonly source: ProbePeer;
  readonly destination: ProbePeer;
  readonly protocol: string;
  readonly port: number;
  readonly expected: 'open' | 'closed';
  readonly observed: 'open' | 'closed' | 'error';
  readonly detail?: string;
  readonly milliseconds: number;
  /** The rule that decides, by the policy. */
  readonly rule?: string;
}

/** Wanted instances that could not be probed; those without an allocation have no name and no host. */
export interface ProbeMissing {
  readonly service: string;
  readonly instances: number;
  readonly allocation?: string;
  readonly host?: string;
  readonly reason: string;
}

export interface ProbeAnswer {
  readonly results: readonly ProbeEntry[];
  readonly mismatches: number;
  readonly missing: readonly ProbeMissing[];
}

export interface ClusterStatus {
  /** Absent while the store has not been reached. */
  readonly clusterUid?: string;
  readonly incarnation?: number;
  readonly position: number;
  readonly store: { readonly state: string; readonly explain?: string };
  /** What each service says of itself, or `unavailable` with the reason why it says nothing. */
  readonly services: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly hosts: readonly HostView[];
  readonly version: string;
}

export interface HostCredentials {
  readonly host: string;
  readonly servers: readonly string[];
  /** NKEY seed; shown once. */
  readonly seed: string;
}

export interface EventFilter {
  readonly kind?: string | undefined;
  readonly tenant?: string | undefined;
  /** Path of the object below the tenant. */
  readonly name?: string | undefined;
}

export interface EventsAnswer {
  readonly items: readonly EventFact[];
}

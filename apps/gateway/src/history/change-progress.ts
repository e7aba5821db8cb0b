import type { RequestContext } from '@heddle/messaging';
import type { FabricState, FabricStatus, HostView, LoggedChange, ServiceView } from '@heddle/model';
import { RpcClient } from '@heddle/service';
import { Injectable } from '@nestjs/common';
import { DesiredState } from '../state/desired-state';

/** How far an accepted change is. */
export interface ChangeStatus {
  readonly position: number;
  readonly policy: {
    /** Hosts on whose switch the change is. */
    readonly inForce: number;
    readonly hosts: number;
    /** Names of the others. */
    readonly missing: readonly string[];
    /** Fabrics on whose controllers the change is not in force; absent when there are none. */
    readonly fabrics?: readonly FabricBehind[];
  };
  /** The services whose instances the change concerns, deleted ones as long as instances of them run. */
  readonly services: readonly ServiceView[];
  /** In force on every host and Fabric that can be reached, and every service as it should be. */
  readonly settled: boolean;
}

export interface FabricBehind {
  readonly fabric: string;
  readonly state: FabricState;
  /** What keeps it, where that is known. */
  readonly problem?: string;
}

/** What is known of how far a change is. */
export interface ProgressFacts {
  readonly hosts: readonly HostView[];
  readonly services: readonly ServiceView[];
  /** Position that the services follow from, at least. */
  readonly schedulerPosition: number;
  /** Fabrics with controllers of their own. */
  readonly fabrics: readonly FabricProgress[];
}

export type FabricProgress = Pick<FabricStatus, 'fabric' | 'state' | 'position' | 'problems'> & {
  readonly waiting?: { readonly reason: string } | undefined;
};

/** Puts together what the hosts, the fabrics and the scheduler say about a change. */
@Injectable()
export class ChangeProgress {
  constructor(
    private readonly rpc: RpcClient,
    private readonly desired: DesiredState,
  ) {}

  async of(change: LoggedChange, context: RequestContext): Promise<ChangeStatus> {
    const ofTenant = context.tenant === undefined ? {} : { tenant: context.tenant };
    const objects = [...this.desired.state.values()];
    const hasControllers = objects.some((o) => o.kind === 'Fabric' && o.spec.driver === 'apic');
    const [hosts, fabrics, [schedulerPosition, services]] = await Promise.all([
      this.rpc.call('inventory.hosts', {}, { context }),
      hasControllers ? this.rpc.call('fabric.status', {}, { context }) : [],
      this.services(ofTenant, context),
    ]);
    const controlled = fabrics
      .filter(({ driver }) => driver === 'apic')
      // What keeps a Fabric may name objects of other tenants.
      .map((fabric) => (context.tenant === undefined ? fabric : { ...fabric, problems: [], waiting: undefined }));
    return changeStatus(change, { hosts, services, schedulerPosition, fabrics: controlled });
  }

  /** The position first: the services follow from that or a later one. */
  private async services(
    ofTenant: { readonly tenant?: string },
    context: RequestContext,
  ): Promise<[position: number, services: ServiceView[]]> {
    const { position } = await this.rpc.call('scheduler.status', {}, { context });
    return [position, await this.rpc.call('scheduler.services', ofTenant, { context })];
  }
}

/** States in which a Fabric is named, but nobody should wait for it: a person has to do something, or nobody answers. */
const GIVEN_UP: ReadonlySet<FabricState> = new Set(['unreachable', 'refused', 'waiting']);

export function changeStatus(change: LoggedChange, facts: ProgressFacts): ChangeStatus {
  const { hosts, services, schedulerPosition, fabrics } = facts;
  const { position } = change;
  const behind = hosts.filter((host) => host.policyPosition < position);
  const fabricsBehind = fabrics.filter((fabric) => fabric.state !== 'in-force' || fabric.position < position);
  const concerned = new Set(change.objects.map(({ key }) => key));
  // Whose EPG attaches otherwise gets new instances, too.
  const views = services.filter((v) => concerned.has(`Service/${v.service}`) || concerned.has(`Epg/${v.epg}`));
  return {
    position,
    policy: {
      inForce: hosts.length - behind.length,
      hosts: hosts.length,
      missing: behind.map((h) => h.name).sort(),
      ...(fabricsBehind.length === 0 ? {} : { fabrics: fabricsBehind.map(behindView) }),
    },
    services: views,
    // A lost host is named above, but nobody should wait for it.
    settled:
      behind.every((host) => host.state === 'lost') &&
      fabricsBehind.every((fabric) => GIVEN_UP.has(fabric.state)) &&
      schedulerPosition >= position &&
      views.every((view) => view.settled),
  };
}

function behindView({ fabric, state, problems, waiting }: FabricProgress): FabricBehind {
  const problem = problems[0] ?? waiting?.reason;
  return { fabric, state, ...(problem === undefined ? {} : { problem }) };
}

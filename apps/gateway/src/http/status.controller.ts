import type { RequestContext } from '@heddle/messaging';
import { HeddleError, type FabricStatus, type HostView } from '@heddle/model';
import { RpcClient, type ServiceMethod } from '@heddle/service';
import { Controller, Get } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { DesiredState } from '../state/desired-state';
import { StoreGuard, type StoreState } from '../store/store-guard';
import { VERSION } from '../version';
import { Caller } from './request-context';

/** The cluster in one page. */
export interface ClusterStatus {
  readonly clusterUid?: string;
  readonly incarnation?: number;
  readonly position: number;
  readonly store: StoreState;
  /** What each service says, or why it does not. */
  readonly services: Readonly<Record<string, unknown>>;
  readonly hosts: readonly HostView[];
  readonly version: string;
}

const DEADLINE_MS = 1_500;

@ApiTags('status')
@Controller('api/v1/status')
export class StatusController {
  constructor(
    private readonly rpc: RpcClient,
    private readonly desired: DesiredState,
    private readonly guard: StoreGuard,
  ) {}

  @Get()
  @ApiOperation({ summary: 'The cluster in one page' })
  async status(@Caller() caller: RequestContext): Promise<ClusterStatus> {
    const ask = (method: ServiceMethod): Promise<unknown> =>
      this.rpc
        .call(method, {} as never, { context: caller, deadlineMs: DEADLINE_MS, disconnected: 'fail' })
        .catch((error: unknown) => ({ unavailable: HeddleError.from(error).message }));
    const [policy, inventory, scheduler, fabric, hosts] = await Promise.all([
      ask('policy.status'),
      ask('inventory.status'),
      ask('scheduler.status'),
      ask('fabric.status').then(fabricSummary),
      ask('inventory.hosts'),
    ]);
    const { identity } = this.guard;
    return {
      ...(identity ?? {}),
      position: this.desired.position,
      store: this.guard.state,
      services: { policy, inventory, scheduler, fabric },
      // Machines belong to the cluster: a caller who is limited to a tenant does not see them.
      hosts: caller.tenant === undefined && Array.isArray(hosts) ? (hosts as HostView[]) : [],
      version: VERSION,
    };
  }
}

/** How many fabrics there are, and on how many all is in force. */
function fabricSummary(answer: unknown): unknown {
  if (!Array.isArray(answer)) return answer;
  const states = (answer as FabricStatus[]).map(({ state }) => state);
  return { fabrics: states.length, inForce: states.filter((state) => state === 'in-force').length };
}

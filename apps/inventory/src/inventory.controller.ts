import { Controller } from '@nestjs/common';
import type { BusRequest } from '@heddle/messaging';
import type { CheckRequest, CheckResult, RpcRequest, RpcResponse } from '@heddle/model';
import { Method } from '@heddle/service';
import { InventoryService } from './inventory.service';
import { eventsSchema, heartbeatSchema, leaseSchema, registrationSchema, reportSchema } from './schemas';

@Controller()
export class InventoryController {
  constructor(private readonly inventory: InventoryService) {}

  @Method('inventory.check')
  async check(request: CheckRequest): Promise<CheckResult> {
    return { problems: await this.inventory.check(request) };
  }

  @Method('inventory.register', { hosts: true, schema: registrationSchema })
  register(registration: RpcRequest<'inventory.register'>): Promise<RpcResponse<'inventory.register'>> {
    return this.inventory.register(registration);
  }

  @Method('inventory.heartbeat', { hosts: true, schema: heartbeatSchema })
  heartbeat(heartbeat: RpcRequest<'inventory.heartbeat'>): RpcResponse<'inventory.heartbeat'> {
    return { known: this.inventory.heartbeat(heartbeat) };
  }

  @Method('inventory.report', { hosts: true, schema: reportSchema })
  async report(report: RpcRequest<'inventory.report'>): Promise<RpcResponse<'inventory.report'>> {
    return { accepted: await this.inventory.report(report) };
  }

  @Method('inventory.events', { hosts: true, schema: eventsSchema })
  async events(
    { host, events }: RpcRequest<'inventory.events'>,
    { context }: BusRequest,
  ): Promise<RpcResponse<'inventory.events'>> {
    return { accepted: await this.inventory.emit(host, events, context.principal) };
  }

  @Method('inventory.leaseBlock', { hosts: true, schema: leaseSchema })
  async leaseBlock({
    host,
    bridgeDomain,
    have,
  }: RpcRequest<'inventory.leaseBlock'>): Promise<RpcResponse<'inventory.leaseBlock'>> {
    return { block: await this.inventory.reign.leaseBlock(host, bridgeDomain, have) };
  }

  @Method('inventory.hosts')
  hosts(_request: RpcRequest<'inventory.hosts'>, _from: BusRequest): RpcResponse<'inventory.hosts'> {
    return this.inventory.reign.hosts();
  }

  @Method('inventory.endpoints')
  endpoints({ tenant }: RpcRequest<'inventory.endpoints'>): RpcResponse<'inventory.endpoints'> {
    return this.inventory.reign.endpoints(tenant);
  }

  @Method('inventory.domains')
  domains(_request: RpcRequest<'inventory.domains'>, _from: BusRequest): RpcResponse<'inventory.domains'> {
    return this.inventory.reign.domains();
  }

  @Method('inventory.fabrics')
  fabrics(_request: RpcRequest<'inventory.fabrics'>, _from: BusRequest): RpcResponse<'inventory.fabrics'> {
    return this.inventory.reign.fabrics();
  }

  @Method('inventory.status')
  status(): RpcResponse<'inventory.status'> {
    return this.inventory.status();
  }
}

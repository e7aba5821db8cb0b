import { Controller } from '@nestjs/common';
import type { CheckRequest, CheckResult, RpcRequest, RpcResponse } from '@heddle/model';
import { Method } from '@heddle/service';
import { SchedulerService } from './scheduler.service';

@Controller()
export class SchedulerController {
  constructor(private readonly scheduler: SchedulerService) {}

  @Method('scheduler.check')
  async check(request: CheckRequest): Promise<CheckResult> {
    await this.scheduler.check(request);
    return { problems: [] };
  }

  @Method('scheduler.preview')
  preview(request: CheckRequest): Promise<RpcResponse<'scheduler.preview'>> {
    return this.scheduler.preview(request);
  }

  @Method('scheduler.allocations')
  allocations({ tenant }: RpcRequest<'scheduler.allocations'>): RpcResponse<'scheduler.allocations'> {
    return this.scheduler.allocations(tenant);
  }

  @Method('scheduler.services')
  services({ tenant }: RpcRequest<'scheduler.services'>): RpcResponse<'scheduler.services'> {
    return this.scheduler.services(tenant);
  }

  @Method('scheduler.status')
  status(): RpcResponse<'scheduler.status'> {
    return this.scheduler.status();
  }
}

import { Controller } from '@nestjs/common';
import { nameSchema, type FabricPlan, type FabricStatus, type RpcRequest } from '@heddle/model';
import { Method } from '@heddle/service';
import * as z from 'zod';
import { FabricService } from './fabric.service';

const one = z.strictObject({ fabric: nameSchema });
const some = z.strictObject({ fabric: nameSchema.optional() }) as z.ZodType<RpcRequest<'fabric.status'>>;
const confirmation = one.extend({ digest: z.string().min(1).max(64) });

@Controller()
export class FabricController {
  constructor(private readonly fabrics: FabricService) {}

  @Method('fabric.plan', { schema: one })
  plan({ fabric }: RpcRequest<'fabric.plan'>): Promise<FabricPlan> {
    return this.fabrics.plan(fabric);
  }

  @Method('fabric.status', { schema: some })
  status({ fabric }: RpcRequest<'fabric.status'>): FabricStatus[] {
    return this.fabrics.status(fabric);
  }

  @Method('fabric.confirm', { schema: confirmation })
  confirm({ fabric, digest }: RpcRequest<'fabric.confirm'>): Promise<FabricStatus> {
    return this.fabrics.confirm(fabric, digest);
  }
}

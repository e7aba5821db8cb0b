import type { RequestContext } from '@heddle/messaging';
import { HeddleError, nameSchema, type FabricPlan, type FabricStatus } from '@heddle/model';
import { RpcClient } from '@heddle/service';
import { Body, Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import * as z from 'zod';
import { DescribeBody, ref } from '../openapi/decorators';
import { readJson } from './parse-body';
import type { TextBody } from './read-body';
import { Caller } from './request-context';

const confirmSchema = z.strictObject({
  digest: z.string().min(1).max(64).describe('Of the plan that was looked at: `waiting.digest`.'),
});

/** What is in force on fabrics, and what would be sent to their controllers. */
@ApiTags('fabrics')
@Controller('api/v1/fabrics/:name')
export class FabricsController {
  constructor(private readonly rpc: RpcClient) {}

  @Get('plan')
  @ApiOperation({ summary: 'What would be sent to the controllers now, after reading them; changes nothing' })
  @ApiOkResponse({ schema: ref('FabricPlan') })
  plan(@Param('name') name: string, @Caller() caller: RequestContext): Promise<FabricPlan> {
    return this.rpc.call('fabric.plan', { fabric: this.fabric(name, caller) }, { context: caller });
  }

  @Get('status')
  @ApiOperation({ summary: 'What is in force, and what is missing' })
  @ApiOkResponse({ schema: ref('FabricStatus') })
  async status(@Param('name') name: string, @Caller() caller: RequestContext): Promise<FabricStatus> {
    const fabric = this.fabric(name, caller);
    const [status] = await this.rpc.call('fabric.status', { fabric }, { context: caller });
    if (status) return status;
    throw new HeddleError('not-found', `there is no Fabric ${fabric}`);
  }

  @Post('confirm')
  @HttpCode(200)
  @DescribeBody('Lets happen what waits for a person, if it is still what the digest stands for', confirmSchema)
  @ApiOkResponse({ schema: ref('FabricStatus') })
  confirm(
    @Param('name') name: string,
    @Body() body: TextBody,
    @Caller() caller: RequestContext,
  ): Promise<FabricStatus> {
    const fabric = this.fabric(name, caller);
    const { digest } = readJson(body, confirmSchema);
    return this.rpc.call('fabric.confirm', { fabric, digest }, { context: caller });
  }

  /** @throws HeddleError `forbidden`, `invalid` */
  private fabric(name: string, caller: RequestContext): string {
    if (caller.tenant !== undefined) {
      throw new HeddleError(
        'forbidden',
        `${caller.principal} is limited to tenant ${caller.tenant}; fabrics belong to the cluster`,
      );
    }
    const parsed = nameSchema.safeParse(name);
    if (parsed.success) return parsed.data;
    throw new HeddleError('invalid', `name of a Fabric: ${parsed.error.issues[0]?.message}`);
  }
}

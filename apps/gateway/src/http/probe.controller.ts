import type { RequestContext } from '@heddle/messaging';
import { HeddleError, nameSchema } from '@heddle/model';
import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import * as z from 'zod';
import { DescribeBody } from '../openapi/decorators';
import { Prober, type ProbeReport } from '../probe/prober';
import { readJson } from './parse-body';
import type { TextBody } from './read-body';
import { Caller } from './request-context';

const probeSchema = z.strictObject({
  tenant: nameSchema,
  application: nameSchema,
  timeoutMs: z.number().int().min(50).max(10_000).default(1_000),
});

@ApiTags('probe')
@Controller('api/v1/probe')
export class ProbeController {
  constructor(private readonly prober: Prober) {}

  @Post()
  @HttpCode(200)
  @DescribeBody('Tries every pair of containers of an application and compares with the policy', probeSchema)
  probe(@Body() body: TextBody, @Caller() caller: RequestContext): Promise<ProbeReport> {
    const request = readJson(body, probeSchema);
    if (caller.tenant !== undefined && caller.tenant !== request.tenant) {
      throw new HeddleError('not-found', `there is no application ${request.tenant}/${request.application}`);
    }
    return this.prober.probe(request, caller);
  }
}

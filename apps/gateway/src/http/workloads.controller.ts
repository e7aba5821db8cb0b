import type { RequestContext } from '@heddle/messaging';
import { HeddleError, type ChangeRequest } from '@heddle/model';
import type { Clock } from '@heddle/host';
import { CLOCK } from '@heddle/service';
import { Body, Controller, HttpCode, Inject, Param, Post, Query, Req } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Request } from 'express';
import * as z from 'zod';
import { restartRequest, scaleRequest } from '../actions/workload-actions';
import { maySeeKey } from '../auth/access';
import { ChangeGate, type ChangeAnswer } from '../coordinator/change-gate';
import { DescribeService } from '../openapi/decorators';
import { DesiredState } from '../state/desired-state';
import { readJson } from './parse-body';
import { changeIdOf, readFlag } from './preconditions';
import type { TextBody } from './read-body';
import { Caller } from './request-context';

const scaleSchema = z.strictObject({ replicas: z.number().int().min(0).max(10_000) });
/** How often an action is made anew because its object changed in between. */
const ATTEMPTS = 4;

interface ServicePath {
  readonly tenant: string;
  readonly application: string;
  readonly name: string;
}

/** Actions on services that are shorthand for a change of one field. */
@ApiTags('services')
@Controller('api/v1/services/:tenant/:application/:name')
export class WorkloadsController {
  constructor(
    private readonly gate: ChangeGate,
    private readonly desired: DesiredState,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @Post('scale')
  @HttpCode(200)
  @DescribeService('Sets the number of instances; the App that owns the service is changed with it', scaleSchema)
  scale(
    @Param() path: ServicePath,
    @Query('dryRun') dryRun: unknown,
    @Body() body: TextBody,
    @Caller() caller: RequestContext,
    @Req() request: Request,
  ): Promise<ChangeAnswer> {
    const { replicas } = readJson(body, scaleSchema);
    const id = changeIdOf(request);
    const make = (service: string): ChangeRequest => ({
      ...scaleRequest(this.desired.state, service, replicas),
      ...id,
    });
    return this.act(path, caller, { make, dryRun: readFlag(dryRun, 'dryRun') });
  }

  @Post('restart')
  @HttpCode(200)
  @DescribeService('Replaces the instances one after the other')
  restart(
    @Param() path: ServicePath,
    @Query('dryRun') dryRun: unknown,
    @Caller() caller: RequestContext,
    @Req() request: Request,
  ): Promise<ChangeAnswer> {
    const at = new Date(this.clock.now()).toISOString();
    const id = changeIdOf(request);
    const make = (service: string): ChangeRequest => ({ ...restartRequest(this.desired.state, service, at), ...id });
    return this.act(path, caller, { make, dryRun: readFlag(dryRun, 'dryRun') });
  }

  private async act(
    { tenant, application, name }: ServicePath,
    caller: RequestContext,
    { make, dryRun }: { readonly make: (path: string) => ChangeRequest; readonly dryRun: boolean },
  ): Promise<ChangeAnswer> {
    const path = `${tenant}/${application}/${name}`;
    if (!maySeeKey(caller, `Service/${path}`)) throw new HeddleError('not-found', `there is no Service ${path}`);
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.gate.answer(make(path), caller, { dryRun });
      } catch (error) {
        // Somebody changed the object between reading and writing; what is asked for here does not depend on that.
        if (!(error instanceof HeddleError) || error.code !== 'conflict' || attempt === ATTEMPTS) throw error;
        await this.gate.catchUp();
      }
    }
  }
}

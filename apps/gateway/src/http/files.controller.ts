import type { RequestContext } from '@heddle/messaging';
import { keyOf } from '@heddle/model';
import { Body, Controller, HttpCode, Post, Query, Req } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Request } from 'express';
import { ChangeGate, type ChangeAnswer } from '../coordinator/change-gate';
import { DescribeFile } from '../openapi/decorators';
import type { Plan } from '../plan/planner';
import { readObjects, withPlaces } from './parse-body';
import { changeIdOf, readFlag } from './preconditions';
import type { TextBody } from './read-body';
import { Caller } from './request-context';

/** Whole files of objects: one change each, all of it or nothing. */
@ApiTags('changes')
@Controller('api/v1')
export class FilesController {
  constructor(private readonly gate: ChangeGate) {}

  @Post('apply')
  @HttpCode(200)
  @DescribeFile('Creates and changes the objects of a file')
  apply(
    @Body() body: TextBody,
    @Query('dryRun') dryRun: unknown,
    @Caller() caller: RequestContext,
    @Req() request: Request,
  ): Promise<ChangeAnswer> {
    const change = { verb: 'apply', puts: readObjects(body), deletes: [], ...changeIdOf(request) };
    return withPlaces(body, this.gate.answer(change, caller, { dryRun: readFlag(dryRun, 'dryRun') }));
  }

  @Post('plan')
  @HttpCode(200)
  @DescribeFile('Says what applying a file would change, and changes nothing', { plan: true })
  plan(@Body() body: TextBody, @Caller() caller: RequestContext): Promise<Plan> {
    return withPlaces(body, this.gate.plan({ verb: 'apply', puts: readObjects(body), deletes: [] }, caller));
  }

  @Post('delete')
  @HttpCode(200)
  @DescribeFile('Deletes the objects that a file names, and what they own')
  delete(
    @Body() body: TextBody,
    @Query('dryRun') dryRun: unknown,
    @Caller() caller: RequestContext,
    @Req() request: Request,
  ): Promise<ChangeAnswer> {
    const change = { verb: 'delete', puts: [], deletes: readObjects(body).map(keyOf), ...changeIdOf(request) };
    return withPlaces(body, this.gate.answer(change, caller, { dryRun: readFlag(dryRun, 'dryRun') }));
  }
}

import { rollbackRequest, type RollbackScope } from '@heddle/admission';
import type { RequestContext } from '@heddle/messaging';
import { HeddleError, keyOf, refKey, type LoggedChange } from '@heddle/model';
import { Controller, Get, HttpCode, Param, Post, Query, Req } from '@nestjs/common';
import { ApiHeader, ApiOkResponse, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { Request } from 'express';
import { maySeeKey } from '../auth/access';
import { ChangeGate, type ChangeAnswer } from '../coordinator/change-gate';
import { ChangeHistory, type HistoryPage } from '../history/change-history';
import { ChangeProgress, type ChangeStatus } from '../history/change-progress';
import { IDEMPOTENCY_KEY, ref } from '../openapi/decorators';
import { readLimit } from '../read/listing';
import { DesiredState } from '../state/desired-state';
import { changeIdOf, readFlag } from './preconditions';
import { DRY_RUN, TakesQuery } from './query';
import { Caller } from './request-context';

const MAX_CHANGES = 500;

/** The history: what was changed, when, by whom; how far a change is in force; and the way back. */
@ApiTags('changes')
@Controller('api/v1/changes')
export class ChangesController {
  constructor(
    private readonly history: ChangeHistory,
    private readonly progress: ChangeProgress,
    private readonly gate: ChangeGate,
    private readonly desired: DesiredState,
  ) {}

  @Get()
  @ApiOperation({ summary: 'The history, newest first' })
  @ApiQuery({ name: 'limit', required: false })
  @ApiQuery({ name: 'before', required: false, description: 'Only changes before this position.' })
  @ApiQuery({ name: 'key', required: false, description: 'Only changes of this object, for example App/acme/shop.' })
  list(
    @Caller() caller: RequestContext,
    @Query('limit') limit?: string,
    @Query('before') before?: string,
    @Query('key') key?: string,
  ): Promise<HistoryPage> {
    return this.history.list({
      limit: readLimit(limit, 50, MAX_CHANGES),
      ...(before === undefined ? {} : { before: readPosition(before) }),
      ...(key === undefined ? {} : { key }),
      visible: (k) => maySeeKey(caller, k),
    });
  }

  @Get(':position')
  @ApiOperation({ summary: 'One change with its objects before and after' })
  get(@Param('position') position: string, @Caller() caller: RequestContext): Promise<LoggedChange> {
    return this.find(position, caller);
  }

  @Get(':position/status')
  @ApiOperation({ summary: 'On how many hosts a change is in force, and how far its services are' })
  async status(@Param('position') position: string, @Caller() caller: RequestContext): Promise<ChangeStatus> {
    return this.progress.of(await this.find(position, caller), caller);
  }

  @Post(':position/rollback')
  @HttpCode(200)
  @ApiOperation({ summary: 'A new change that brings the objects back to what they were at that position' })
  @TakesQuery({
    dryRun: DRY_RUN,
    tenant: 'Only the objects of this tenant.',
    application: 'Only the objects of this application of the tenant.',
  })
  @ApiHeader(IDEMPOTENCY_KEY)
  @ApiOkResponse({ schema: ref('ChangeAnswer') })
  async rollback(
    @Param('position') text: string,
    @Caller() caller: RequestContext,
    @Req() request: Request,
    @Query('dryRun') dryRun?: string,
    @Query('tenant') tenant: string | undefined = caller.tenant,
    @Query('application') application?: string,
  ): Promise<ChangeAnswer> {
    if (tenant === undefined && application !== undefined) {
      throw new HeddleError('invalid', 'found application without tenant; an application is named within its tenant');
    }
    if (caller.tenant !== undefined && tenant !== caller.tenant) {
      throw new HeddleError('forbidden', `${caller.principal} may take back changes of tenant ${caller.tenant} only`);
    }
    for (const [name, value] of Object.entries({ tenant, application })) {
      if (value === '') throw new HeddleError('invalid', `found ${name} without a name; leave it out or give one`);
    }
    const position = readPosition(text);
    const current = this.desired.state;
    const revisions = (key: string): number => current.get(key)?.metadata.revision ?? 0;
    const target = await this.history.stateAt(position);
    const scope = tenant === undefined ? undefined : { tenant, ...(application === undefined ? {} : { application }) };
    const { puts, deletes } = rollbackRequest(current, target, scope);
    const keys = [...puts.map(keyOf), ...deletes.map(refKey)];
    return this.gate.answer(
      {
        verb: 'rollback',
        summary: `rollback of ${nameOfScope(scope)} to ${position}`,
        puts,
        deletes: deletes.map(refKey),
        // The way back was worked out from this state; it holds for no other.
        expectedRevisions: Object.fromEntries(keys.map((key) => [key, revisions(key)])),
        ...changeIdOf(request),
      },
      caller,
      { dryRun: readFlag(dryRun, 'dryRun') },
    );
  }

  private async find(text: string, caller: RequestContext): Promise<LoggedChange> {
    const position = readPosition(text);
    const change = await this.history.get(position);
    const objects = change?.objects.filter(({ key }) => maySeeKey(caller, key)) ?? [];
    if (!change || objects.length === 0)
      throw new HeddleError('not-found', `there is no change at position ${position}`);
    return { ...change, objects };
  }
}

function nameOfScope(scope: RollbackScope | undefined): string {
  if (!scope) return 'everything';
  return scope.application === undefined
    ? `tenant ${scope.tenant}`
    : `application ${scope.tenant}/${scope.application}`;
}

function readPosition(text: string): number {
  if (/^[0-9]{1,15}$/.test(text)) return Number(text);
  throw new HeddleError('invalid', `found position "${text}"; allowed is a number such as 42`);
}

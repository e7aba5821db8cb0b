import type { EventFilter, RequestContext, StoredEvent } from '@heddle/messaging';
import { findKind, HeddleError, type EventFact } from '@heddle/model';
import { Controller, Get, Query, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { EventFeed } from '../events/event-feed';
import { readLimit } from '../read/listing';
import { Caller } from './request-context';
import { streamTo } from './stream-to';

const IDLE_MS = 15_000;

interface EventQuery {
  readonly kind?: string;
  readonly tenant?: string;
  readonly name?: string;
  readonly limit?: string;
}

/** Facts that happened. */
@ApiTags('events')
@ApiQuery({ name: 'kind', required: false })
@ApiQuery({ name: 'tenant', required: false })
@ApiQuery({ name: 'name', required: false, description: 'Path of the object below its tenant: shop/web.' })
@Controller('api/v1/events')
export class EventsController {
  constructor(private readonly feed: EventFeed) {}

  @Get()
  @ApiOperation({ summary: 'The newest facts, oldest first' })
  @ApiQuery({ name: 'limit', required: false, description: '1 to 1000, default 100.' })
  async list(@Query() query: EventQuery, @Caller() caller: RequestContext): Promise<{ items: EventFact[] }> {
    const events = await this.feed.history(filterOf(query, caller), readLimit(query.limit, 100, 1_000));
    return { items: events.map(factOf) };
  }

  @Get('stream')
  @ApiOperation({
    summary: 'Facts as they happen, as server-sent events; Last-Event-ID goes on where a stream broke off',
  })
  async stream(
    @Query() query: EventQuery,
    @Caller() caller: RequestContext,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const after = request.get('last-event-id');
    const filter = filterOf(query, caller);
    const from = after === undefined ? undefined : readSequence(after);
    await streamTo(response, {
      contentType: 'text/event-stream',
      open: (signal) => this.feed.watch(filter, from, signal),
      eager: true,
      format: (event: StoredEvent) => `id: ${event.sequence}\nevent: fact\ndata: ${JSON.stringify(factOf(event))}\n\n`,
      formatError: (error) => `event: error\ndata: ${JSON.stringify(error)}\n\n`,
      idle: { text: ': still here\n\n', everyMs: IDLE_MS },
    });
  }
}

const factOf = ({ sequence: _sequence, ...fact }: StoredEvent): EventFact => fact;

/** Which facts a caller asks for and may see. */
function filterOf({ kind, tenant, name }: EventQuery, caller: RequestContext): EventFilter {
  if (caller.tenant !== undefined && tenant !== undefined && tenant !== caller.tenant) {
    throw new HeddleError('forbidden', `${caller.principal} may see events of tenant ${caller.tenant} only`);
  }
  const wanted = caller.tenant ?? tenant;
  return {
    ...(kind === undefined ? {} : { kind: findKind(kind)?.kind ?? kind }),
    ...(wanted === undefined ? {} : { tenant: wanted }),
    ...(name === undefined ? {} : { name }),
  };
}

function readSequence(text: string): number {
  if (/^[0-9]{1,15}$/.test(text)) return Number(text);
  throw new HeddleError('invalid', `found Last-Event-ID "${text}"; allowed is the id of an event of this stream`);
}

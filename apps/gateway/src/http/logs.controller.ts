import type { RequestContext } from '@heddle/messaging';
import { findKind, HeddleError, type KindInfo, type LogLine } from '@heddle/model';
import { RpcClient } from '@heddle/service';
import { Controller, Get, Param, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { ObjectReader } from '../read/object-reader';
import { readFlag } from './preconditions';
import { Caller } from './request-context';
import { streamTo } from './stream-to';

const MAX_TAIL = 100_000;

/** The output of a container, as it comes. */
@ApiTags('allocations')
@Controller('api/v1/allocations/:tenant/:application/:name/logs')
export class LogsController {
  constructor(
    private readonly reader: ObjectReader,
    private readonly rpc: RpcClient,
  ) {}

  @Get()
  @ApiOperation({ summary: "Lines of a container's output as NDJSON" })
  @ApiQuery({ name: 'follow', required: false, description: 'Go on with what comes.' })
  @ApiQuery({ name: 'tail', required: false, description: 'Only the last so many lines.' })
  async logs(
    @Param() { tenant, application, name }: { tenant: string; application: string; name: string },
    @Caller() caller: RequestContext,
    @Res() response: Response,
    @Query('follow') follow?: string,
    @Query('tail') tail?: string,
  ): Promise<void> {
    const allocation = `${tenant}/${application}/${name}`;
    const found = await this.reader.get(findKind('Allocation') as KindInfo, allocation, caller);
    const { host } = found.spec as { host: string };
    const body = { allocation, follow: readFlag(follow, 'follow'), ...readTail(tail) };
    await streamTo(response, {
      contentType: 'application/x-ndjson',
      open: (signal) => this.rpc.agent(host).stream('agent.logs', body, { context: caller, signal }),
      format: (line: LogLine) => `${JSON.stringify(line)}\n`,
      // A line of its own kind, because the status has been sent: the reader must not take the end for a whole answer.
      formatError: (error) => `${JSON.stringify({ error })}\n`,
    });
  }
}

function readTail(text: string | undefined): { tail?: number } {
  if (text === undefined) return {};
  const tail = /^[0-9]{1,6}$/.test(text) ? Number(text) : NaN;
  if (tail <= MAX_TAIL) return { tail };
  throw new HeddleError('invalid', `found tail "${text}"; allowed is 0 to ${MAX_TAIL}`);
}

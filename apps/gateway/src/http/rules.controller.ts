import type { RequestContext } from '@heddle/messaging';
import { HeddleError, type RuleList } from '@heddle/model';
import { RpcClient } from '@heddle/service';
import { Controller, Get, Query } from '@nestjs/common';
import { ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import { Caller } from './request-context';

const CONTRACT = /^[a-z0-9-]{1,63}\/[a-z0-9-]{1,200}$/;
const COOKIE = /^0x[0-9a-f]{1,16}$/i;

/** What contracts are resolved to, with the cookies that lead from a flow back to them. */
@ApiTags('rules')
@Controller('api/v1/rules')
export class RulesController {
  constructor(private readonly rpc: RpcClient) {}

  @Get()
  @ApiOperation({ summary: 'The rules of a contract, or the one that the cookie of a flow stands for; at most 1000' })
  @ApiQuery({ name: 'contract', required: false, description: 'Path of a contract: tenant/name.' })
  @ApiQuery({
    name: 'cookie',
    required: false,
    description: 'Cookie of a flow of the contract table: 0x4845abcdef012345.',
  })
  list(
    @Caller() caller: RequestContext,
    @Query('contract') contract?: string,
    @Query('cookie') cookie?: string,
  ): Promise<RuleList> {
    if (contract === undefined && cookie === undefined)
      throw new HeddleError('invalid', 'name a contract (?contract=tenant/name) or a cookie (?cookie=0x4845...)');
    if (contract !== undefined && !CONTRACT.test(contract))
      throw new HeddleError('invalid', `found contract "${contract}"; allowed is tenant/name`);
    if (cookie !== undefined && !COOKIE.test(cookie))
      throw new HeddleError('invalid', `found cookie "${cookie}"; allowed are up to 16 hex digits after 0x`);
    return this.rpc.call(
      'policy.rules',
      {
        ...(caller.tenant === undefined ? {} : { tenant: caller.tenant }),
        ...(contract === undefined ? {} : { contract }),
        ...(cookie === undefined ? {} : { cookie }),
      },
      { context: caller },
    );
  }
}

import type { ClusterIdentity, RequestContext } from '@heddle/messaging';
import { HeddleError } from '@heddle/model';
import { LOG, type Log } from '@heddle/service';
import { Controller, HttpCode, Inject, Post } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { StoreSession } from '../store/store-session';
import { Caller } from './request-context';

@ApiTags('status')
@Controller('api/v1/store')
export class StoreController {
  constructor(
    private readonly session: StoreSession,
    @Inject(LOG) private readonly log: Log,
  ) {}

  @Post('accept')
  @HttpCode(200)
  @ApiOperation({
    summary: 'After a restore: accept a store that is behind what has been seen; what was changed since is lost',
  })
  async accept(@Caller() caller: RequestContext): Promise<ClusterIdentity & { position: number }> {
    if (caller.tenant !== undefined) {
      throw new HeddleError(
        'forbidden',
        `${caller.principal} is limited to tenant ${caller.tenant}; the store belongs to the cluster`,
      );
    }
    const accepted = await this.session.accept();
    this.log.warn(
      { principal: caller.principal, requestId: caller.requestId, ...accepted },
      'the store was accepted as it is',
    );
    return accepted;
  }
}

import type { RequestContext } from '@heddle/messaging';
import { HeddleError, nameSchema } from '@heddle/model';
import { Controller, HttpCode, Inject, Param, Post } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { LOG, type Log } from '@heddle/service';
import type { BrokerCredentials, BrokerUsers } from '../credentials/broker-users';
import { Caller } from './request-context';

/** Injection token of {@link BrokerUsers}. */
export const BROKER_USERS = Symbol('BrokerUsers');

@ApiTags('hosts')
@Controller('api/v1/hosts/:name/credentials')
export class HostCredentialsController {
  constructor(
    @Inject(BROKER_USERS) private readonly users: BrokerUsers,
    @Inject(LOG) private readonly log: Log,
  ) {}

  @Post()
  @HttpCode(200)
  @ApiOperation({ summary: "Makes a NATS user that is limited to this host's subjects; the seed is shown once" })
  async create(
    @Param('name') name: string,
    @Caller() caller: RequestContext,
  ): Promise<BrokerCredentials & { host: string }> {
    if (caller.tenant !== undefined) {
      throw new HeddleError(
        'forbidden',
        `${caller.principal} is limited to tenant ${caller.tenant}; hosts belong to the cluster`,
      );
    }
    const parsed = nameSchema.safeParse(name);
    if (!parsed.success) throw new HeddleError('invalid', `host name: ${parsed.error.issues[0]?.message}`);
    const credentials = await this.users.createForHost(name);
    this.log.info(
      { host: name, principal: caller.principal, requestId: caller.requestId },
      'made credentials for a host',
    );
    return { host: name, ...credentials };
  }
}

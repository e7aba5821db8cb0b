import { HeddleError } from '@heddle/model';
import { isCidr } from './body';
import type { IpamDriver } from './ipam-driver';
import type { PluginService } from './plugin-service';

const ADDRESS_TYPE = 'RequestAddressType';
const GATEWAY = 'com.docker.network.gateway';
const MAC_ADDRESS = 'com.docker.network.endpoint.macaddress';

export interface IpamCapabilities {
  /** Ask for the endpoint's MAC address in every `requestAddress`. Default false. */
  readonly requiresMacAddress?: boolean;
}

/** The engine's remote IPAM protocol over an {@link IpamDriver}. */
export function ipamService(driver: IpamDriver, { requiresMacAddress = false }: IpamCapabilities = {}): PluginService {
  return {
    name: 'IpamDriver',
    errorKey: 'Error',
    methods: {
      // No replay: the driver keeps its pools itself, so that it knows them also while the engine is away.
      GetCapabilities: () => async () => ({ RequiresMACAddress: requiresMacAddress, RequiresRequestReplay: false }),
      GetDefaultAddressSpaces: () => async (signal) => {
        const { local, global } = await driver.defaultAddressSpaces(signal);
        return { LocalDefaultAddressSpace: local, GlobalDefaultAddressSpace: global };
      },
      RequestPool: (body) => {
        const [pool, subPool] = [body.cidr('Pool'), body.cidr('SubPool')];
        if (!pool && subPool) {
          throw new HeddleError(
            'invalid',
            `SubPool: found ${subPool} without Pool; name the subnet that it is part of`,
          );
        }
        const request = {
          addressSpace: body.word('AddressSpace'),
          ...(pool ? { pool } : {}),
          ...(subPool ? { subPool } : {}),
          options: body.strings('Options'),
          v6: body.boolean('V6'),
        };
        return async (signal) => {
          const reply = await driver.requestPool(request, signal);
          return { PoolID: reply.poolId, Pool: checkCidr('pool', reply.pool), Data: reply.data ?? {} };
        };
      },
      ReleasePool: (body) => {
        const request = { poolId: body.poolId('PoolID') };
        return async (signal) => (await driver.releasePool(request, signal), {});
      },
      RequestAddress: (body) => {
        const options = body.strings('Options');
        const [address, macAddress] = [body.address('Address'), body.object('Options').mac(MAC_ADDRESS)];
        const request = {
          poolId: body.poolId('PoolID'),
          ...(address ? { address } : {}),
          gateway: options[ADDRESS_TYPE] === GATEWAY,
          ...(macAddress ? { macAddress } : {}),
          options,
        };
        return async (signal) => {
          const reply = await driver.requestAddress(request, signal);
          return { Address: checkCidr('address', reply.address), Data: reply.data ?? {} };
        };
      },
      ReleaseAddress: (body) => {
        const address = body.address('Address');
        if (!address)
          throw new HeddleError('invalid', 'Address: found nothing; allowed is an address such as 10.32.0.7');
        const request = { poolId: body.poolId('PoolID'), address };
        return async (signal) => (await driver.releaseAddress(request, signal), {});
      },
    },
  };
}

function checkCidr(what: string, text: string): string {
  if (isCidr(text)) return text;
  throw new HeddleError('internal', `the driver chose the ${what} ${JSON.stringify(text)}; allowed is a CIDR`);
}

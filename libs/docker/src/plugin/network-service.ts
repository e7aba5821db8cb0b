import { isIP } from 'node:net';
import { HeddleError } from '@heddle/model';
import { isCidr, isInterfaceName, type Body } from './body';
import type {
  CreateEndpointRequest,
  EndpointAddresses,
  EndpointRef,
  JoinReply,
  NetworkDriver,
  NetworkRef,
  NetworkSubnet,
} from './network-driver';
import type { PluginMethod, PluginService } from './plugin-service';

const GENERIC = 'com.docker.network.generic';
const INTERNAL = 'com.docker.network.internal';

/**
 * The engine's remote network driver protocol over a {@link NetworkDriver}. Methods of the protocol that are not here
 * (global scope, external connectivity) are answered with 404, which the engine takes for "not supported".
 */
export function networkService(driver: NetworkDriver): PluginService {
  const nothing: PluginMethod = () => async () => ({});
  return {
    name: 'NetworkDriver',
    errorKey: 'Err',
    methods: {
      GetCapabilities: () => async () => ({ Scope: 'local', ConnectivityScope: 'local' }),
      CreateNetwork: (body) => {
        const options = body.object('Options');
        const request = {
          ...networkRef(body),
          driverOpts: options.strings(GENERIC),
          internal: options.boolean(INTERNAL),
          ipv4: body.objects('IPv4Data').map(subnet),
          ipv6: body.objects('IPv6Data').map(subnet),
        };
        return async (signal) => (await driver.createNetwork(request, signal), {});
      },
      DeleteNetwork: (body) => {
        const request = networkRef(body);
        return async (signal) => (await driver.deleteNetwork(request, signal), {});
      },
      CreateEndpoint: (body) => {
        const request = createEndpointRequest(body);
        return async (signal) => endpointReply(request, await driver.createEndpoint(request, signal));
      },
      DeleteEndpoint: (body) => {
        const request = endpointRef(body);
        return async (signal) => (await driver.deleteEndpoint(request, signal), {});
      },
      EndpointOperInfo: (body) => {
        const request = endpointRef(body);
        return async (signal) => ({ Value: await driver.endpointInfo(request, signal) });
      },
      Join: (body) => {
        const request = { ...endpointRef(body), sandboxKey: body.netnsPath('SandboxKey') };
        return async (signal) => joinReply(await driver.join(request, signal));
      },
      Leave: (body) => {
        const request = endpointRef(body);
        return async (signal) => (await driver.leave(request, signal), {});
      },
      // Other engines' comings and goings; the driver learns of hosts elsewhere.
      DiscoverNew: nothing,
      DiscoverDelete: nothing,
    },
  };
}

const networkRef = (body: Body): NetworkRef => ({ networkId: body.id('NetworkID') });

const endpointRef = (body: Body): EndpointRef => ({ ...networkRef(body), endpointId: body.id('EndpointID') });

function subnet(body: Body): NetworkSubnet {
  const pool = body.cidr('Pool');
  if (!pool) throw new HeddleError('invalid', 'IPv4Data: found a subnet without Pool; allowed is a CIDR');
  const gateway = body.cidrOrAddress('Gateway');
  return { addressSpace: body.word('AddressSpace'), pool, ...(gateway ? { gateway } : {}) };
}

function createEndpointRequest(body: Body): CreateEndpointRequest {
  const given = body.object('Interface');
  const [ipv4Address, ipv6Address, macAddress] = [
    given.cidr('Address'),
    given.cidr('AddressIPv6'),
    given.mac('MacAddress'),
  ];
  return {
    ...endpointRef(body),
    ...(ipv4Address ? { ipv4Address } : {}),
    ...(ipv6Address ? { ipv6Address } : {}),
    ...(macAddress ? { macAddress } : {}),
    driverOpts: body.strings('Options', { withoutEngine: true }),
  };
}

/** Only what the request left open: the engine takes any other field for a contradiction and undoes the endpoint. */
function endpointReply(request: CreateEndpointRequest, chosen: EndpointAddresses): object {
  const added = (key: keyof EndpointAddresses, ok: (text: string) => boolean): string | undefined => {
    const [asked, given] = [request[key], chosen[key]];
    if (given === undefined || given.toLowerCase() === asked?.toLowerCase()) return undefined;
    if (asked !== undefined) {
      throw new HeddleError(
        'internal',
        `the driver changed ${key} from ${asked} to ${given}; it must keep what was given`,
      );
    }
    if (!ok(given)) throw new HeddleError('internal', `the driver chose ${key} ${given}, which is none`);
    return given;
  };
  const Address = added('ipv4Address', isCidr);
  const AddressIPv6 = added('ipv6Address', isCidr);
  const MacAddress = added('macAddress', (text) => /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(text));
  if (!Address && !AddressIPv6 && !MacAddress) return {};
  return {
    Interface: {
      ...(Address ? { Address } : {}),
      ...(AddressIPv6 ? { AddressIPv6 } : {}),
      ...(MacAddress ? { MacAddress } : {}),
    },
  };
}

const NEXT_HOP = 0;
const CONNECTED = 1;

function joinReply({ srcName, dstPrefix, gateway, staticRoutes = [] }: JoinReply): object {
  const bad = (what: string): HeddleError => new HeddleError('internal', `the driver's answer to Join has ${what}`);
  if (!isInterfaceName(srcName)) throw bad(`the interface ${JSON.stringify(srcName)}, which is no interface name`);
  if (!/^[a-z]{1,12}$/.test(dstPrefix)) throw bad(`the name prefix ${JSON.stringify(dstPrefix)}; allowed are letters`);
  if (gateway !== undefined && isIP(gateway) === 0)
    throw bad(`the gateway ${JSON.stringify(gateway)}; allowed is an address`);
  return {
    InterfaceName: { SrcName: srcName, DstPrefix: dstPrefix },
    ...(gateway ? { Gateway: gateway } : {}),
    ...(staticRoutes.length > 0
      ? {
          StaticRoutes: staticRoutes.map(({ destination, nextHop }) =>
            nextHop === undefined
              ? { Destination: destination, RouteType: CONNECTED }
              : { Destination: destination, RouteType: NEXT_HOP, NextHop: nextHop },
          ),
        }
      : {}),
    // Without it the engine attaches a second interface to its own bridge, past every contract.
    DisableGatewayService: true,
  };
}

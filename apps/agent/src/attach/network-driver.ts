import type {
  CreateEndpointRequest, CreateNetworkRequest, EndpointAddresses, EndpointRef, JoinReply, JoinRequest, NetworkDriver, NetworkRef,
} from '@heddle/docker'; // prettier-ignore
import { macOf } from '@heddle/ipam';
import { HeddleError, contains, parseAddress, parseCidr } from '@heddle/model';
import { MAX_LINK_INDEX } from '@heddle/pipeline';
import type { LinkServer } from '../link/connect';
import type { HostAddresses } from './addresses';
import { portName, type Attacher } from './attacher';
import type { Journal, JournalEndpoint, JournalNetwork } from './journal';
import { without } from './journal';
import { allocationOwner, OPTION } from './options';

/** How long a container's start waits for its policy to be on the switch; the engine is answered in any case. */
const AGENT_DEADLINE_MS = 8_000;

/**
 * The engine's side of an attachment. An endpoint gets its port first, with no flow and so with nothing let through; only
 * when the agent has its policy on the switch does the engine get the interface.
 */
export class HeddleNetworkDriver implements NetworkDriver {
  constructor(
    private readonly journal: Journal,
    private readonly addresses: HostAddresses,
    private readonly attacher: Attacher,
    private readonly link: LinkServer,
    private readonly now: () => Date,
  ) {}

  async createNetwork({ networkId, driverOpts }: CreateNetworkRequest): Promise<void> {
    const bridgeDomain = driverOpts[OPTION.bridgeDomain];
    if (bridgeDomain === undefined)
      throw new HeddleError(
        'invalid',
        `a network of Heddle names its bridge domain: --opt ${OPTION.bridgeDomain}=TENANT/NAME`,
      );
    this.addresses.bridgeDomain(bridgeDomain);
    const defaultEpg = driverOpts[OPTION.epg];
    const network: JournalNetwork = { bridgeDomain, ...(defaultEpg === undefined ? {} : { defaultEpg }) };
    await this.journal.update((state) => ({ ...state, networks: { ...state.networks, [networkId]: network } }));
  }

  async deleteNetwork({ networkId }: NetworkRef): Promise<void> {
    await this.journal.update((state) => ({ ...state, networks: without(state.networks, networkId) }));
  }

  async createEndpoint(request: CreateEndpointRequest): Promise<EndpointAddresses> {
    const { networkId, endpointId, driverOpts } = request;
    const network = this.journal.state.networks[networkId];
    if (!network)
      throw new HeddleError(
        'not-found',
        `the network ${networkId.slice(0, 12)} is not known on this host; remove it and create it again`,
      );
    const epg = this.requireEpg(driverOpts[OPTION.epg] ?? network.defaultEpg, network.bridgeDomain);
    const [address, prefix] = (request.ipv4Address ?? '').split('/');
    if (!address || !prefix)
      throw new HeddleError(
        'invalid',
        'an endpoint of Heddle needs an address of its IPAM driver: create the network with --ipam-driver heddle',
      );
    const allocation = driverOpts[OPTION.allocation];
    this.checkOwner(network.bridgeDomain, address, allocation);
    const endpoint: JournalEndpoint = {
      endpointId,
      networkId,
      bridgeDomain: network.bridgeDomain,
      epg,
      ...(allocation === undefined ? {} : { allocation }),
      mac: request.macAddress ?? macOf(address),
      address,
      prefix: Number(prefix),
      port: portName(endpointId),
      linkIndex: 0,
      since: this.now().toISOString(),
    };
    await this.journal.update((state) => ({
      ...state,
      endpoints: {
        ...state.endpoints,
        [endpointId]: { ...endpoint, linkIndex: freeLinkIndex(Object.values(state.endpoints)) },
      },
    }));
    return request.macAddress === undefined ? { macAddress: endpoint.mac } : {};
  }

  async join({ endpointId }: JoinRequest, signal: AbortSignal): Promise<JoinReply> {
    const endpoint = this.journal.state.endpoints[endpointId];
    if (!endpoint)
      throw new HeddleError('not-found', `the endpoint ${endpointId.slice(0, 12)} is not known on this host`);
    const gateway = this.addresses.bridgeDomain(endpoint.bridgeDomain).gateways.find((g) => isIn(g, endpoint.address));
    if (gateway === undefined)
      throw new HeddleError(
        'conflict',
        `the bridge domain ${endpoint.bridgeDomain} has no subnet that holds ${endpoint.address} any more`,
      );
    const { name, ofport } = await this.attacher.attach(endpoint, this.journal.state.configuration.mtu);
    try {
      const agent = await this.link.agent(AGENT_DEADLINE_MS);
      await agent.call('attached', { ...endpoint, ofport }, AGENT_DEADLINE_MS);
      signal.throwIfAborted();
    } catch (error) {
      await this.attacher.detach(endpoint.port);
      throw error;
    }
    return { srcName: name, dstPrefix: 'eth', gateway: gateway.split('/')[0] };
  }

  async leave({ endpointId }: EndpointRef): Promise<void> {
    const endpoint = this.journal.state.endpoints[endpointId];
    if (endpoint) await this.attacher.detach(endpoint.port);
    // The agent sees the port go by itself; a message would only be sooner.
    await this.link.current?.call('detached', { endpointId }, 1_000).catch(() => undefined);
  }

  async deleteEndpoint({ endpointId }: EndpointRef): Promise<void> {
    const endpoint = this.journal.state.endpoints[endpointId];
    if (!endpoint) return;
    await this.attacher.detach(endpoint.port);
    await this.journal.update((state) => ({ ...state, endpoints: without(state.endpoints, endpointId) }));
  }

  async endpointInfo({ endpointId }: EndpointRef): Promise<Readonly<Record<string, string>>> {
    const endpoint = this.journal.state.endpoints[endpointId];
    if (!endpoint) return {};
    return { [OPTION.epg]: endpoint.epg, [OPTION.bridgeDomain]: endpoint.bridgeDomain, port: endpoint.port };
  }

  /** Refused promptly, with the reason: an endpoint without a policy is not let in to wait for one. */
  private requireEpg(epg: string | undefined, bridgeDomain: string): string {
    if (epg === undefined) {
      throw new HeddleError(
        'invalid',
        `the container names no EPG and its network has no default; create the network with --opt ${OPTION.epg}=TENANT/APPLICATION/EPG, or give the endpoint the option ${OPTION.epg}`,
      );
    }
    const home = this.journal.state.configuration.epgs[epg];
    if (home === undefined)
      throw new HeddleError(
        'unavailable',
        `the EPG ${epg} is not resolved on this host: it does not exist, or the host has not heard of it yet`,
      );
    if (home !== bridgeDomain)
      throw new HeddleError(
        'invalid',
        `the EPG ${epg} belongs to the bridge domain ${home}, the network to ${bridgeDomain}`,
      );
    return epg;
  }

  /** An address that is held for an allocation is for that allocation's container only. */
  private checkOwner(bridgeDomain: string, address: string, allocation: string | undefined): void {
    const owner = this.addresses.owner(bridgeDomain, address);
    const expected = allocation === undefined ? undefined : allocationOwner(allocation);
    if (owner === undefined || owner === expected || (expected === undefined && !owner.startsWith(allocationOwner(''))))
      return;
    throw new HeddleError(
      'conflict',
      `the address ${address} is held by ${owner}${expected ? `, not by ${expected}` : ''}`,
    );
  }
}

function isIn(gateway: string, address: string): boolean {
  const cidr = parseCidr(gateway);
  const parsed = parseAddress(address);
  return cidr !== undefined && parsed !== undefined && contains(cidr, parsed);
}

/** The index after the highest in use, so that one that was just given up rests; the lowest free one at the end of the range. */
function freeLinkIndex(endpoints: readonly JournalEndpoint[]): number {
  const used = new Set(endpoints.map((e) => e.linkIndex));
  const highest = Math.max(0, ...used);
  if (highest < MAX_LINK_INDEX) return highest + 1;
  for (let index = 1; index <= MAX_LINK_INDEX; index++) if (!used.has(index)) return index;
  throw new HeddleError('limit', `this host has ${MAX_LINK_INDEX} endpoints already, and no more can be told apart`);
}

import type {
  CreateEndpointRequest, CreateNetworkRequest, EndpointAddresses, EndpointRef, JoinReply, JoinRequest, NetworkDriver, NetworkRef,
} from '@heddle/docker'; // prettier-ignore
import { macOf } from '@heddle/ipam';
import { HeddleError, contains, parseAddress, parseCidr } from '@heddle/model';
import { GATEWAY_MAC, MAX_LINK_INDEX } from '@heddle/pipeline';
import type { AgentAccess } from '../link/link-server';
import type { AttachedEndpoint } from '../link/protocol';
import type { HostAddresses } from './addresses';
import type { Attachments } from './attachments';
import type { Journal, JournalEndpoint, JournalNetwork } from './journal';
import { allocationOwner, isAnonymous, OPTION } from './options';
import { Stopwatch } from './stopwatch';
import { whenBothEnded } from './when-both-ended';

/** How long a container's start waits for its policy to be on the switch; the engine is answered in any case. */
const AGENT_DEADLINE_MS = 8_000;

export interface NetworkDriverParts {
  readonly journal: Journal;
  readonly addresses: HostAddresses;
  readonly attachments: Attachments;
  readonly agent: AgentAccess;
  readonly now: () => Date;
  /** Told of every endpoint that has its interface, while its policy is still awaited. */
  readonly onAttaching?: (endpoint: AttachedEndpoint) => void;
  /** Told of every endpoint that was attached, with the milliseconds that each part of it took. */
  readonly onAttached?: (endpoint: AttachedEndpoint, parts: Readonly<Record<string, number>>) => void;
  /** Told of every endpoint that has no interface any more, or may have none. */
  readonly onDetached?: (endpoint: AttachedEndpoint) => void;
}

/**
 * The engine's side of an attachment. An endpoint gets its interface first, through which nothing passes yet; only when the
 * agent has its policy does the engine get the interface.
 */
export class HeddleNetworkDriver implements NetworkDriver {
  private readonly journal: Journal;
  private readonly addresses: HostAddresses;
  private readonly attachments: Attachments;
  private lastLinkIndex: number | undefined;
  /** Endpoints that were left and not joined again: nothing of theirs is there to be detached when they are deleted. */
  private readonly left = new Set<string>();

  constructor(private readonly parts: NetworkDriverParts) {
    ({ journal: this.journal, addresses: this.addresses, attachments: this.attachments } = parts);
  }

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
    await this.journal.putNetwork(networkId, network);
  }

  async deleteNetwork({ networkId }: NetworkRef): Promise<void> {
    await this.journal.removeNetwork(networkId);
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
    await this.supersede(endpointId, network.bridgeDomain, address);
    const { endpoints } = this.journal.state;
    const endpoint: JournalEndpoint = {
      endpointId,
      networkId,
      bridgeDomain: network.bridgeDomain,
      epg,
      ...(allocation === undefined ? {} : { allocation }),
      mac: request.macAddress === undefined ? macOf(address) : checkMac(request.macAddress),
      address,
      prefix: Number(prefix),
      ...this.attachments.placeOf(epg, endpointId),
      linkIndex: endpoints[endpointId]?.linkIndex ?? this.freeLinkIndex(),
      since: this.parts.now().toISOString(),
    };
    await this.journal.putEndpoint(endpoint);
    return request.macAddress === undefined ? { macAddress: endpoint.mac } : {};
  }

  async join({ endpointId, sandboxKey }: JoinRequest, signal: AbortSignal): Promise<JoinReply> {
    const known = this.journal.state.endpoints[endpointId];
    if (!known) throw new HeddleError('not-found', `the endpoint ${endpointId.slice(0, 12)} is not known on this host`);
    const gateway = this.addresses.bridgeDomain(known.bridgeDomain).gateways.find((g) => isIn(g, known.address));
    if (gateway === undefined)
      throw new HeddleError(
        'conflict',
        `the bridge domain ${known.bridgeDomain} has no subnet that holds ${known.address} any more`,
      );
    this.left.delete(endpointId);
    const stopwatch = new Stopwatch();
    const joining = inSandbox(known, sandboxKey);
    const { name, ofport, macvlan } = await this.attachments.attach(joining, stopwatch);
    const endpoint = macvlan ? { ...joining, macvlan } : joining;
    try {
      this.parts.onAttaching?.(endpoint);
      const { networkId: _network, prefix: _prefix, ...facts } = endpoint;
      await whenBothEnded(
        stopwatch.part('policy', () => this.parts.agent.ask('attached', { ...facts, ofport }, AGENT_DEADLINE_MS)),
        macvlan && this.journal.replaceEndpoint(known, endpoint),
      );
      signal.throwIfAborted();
    } catch (error) {
      await this.attachments.undo(endpoint);
      this.parts.onDetached?.(endpoint);
      throw error;
    }
    this.parts.onAttached?.(endpoint, stopwatch.parts);
    return { srcName: name, dstPrefix: 'eth', gateway: gateway.split('/')[0] };
  }

  /** Of a port on the switch the agent sees by itself that it is gone. */
  async leave({ endpointId }: EndpointRef): Promise<void> {
    const endpoint = this.journal.state.endpoints[endpointId];
    if (!endpoint) return;
    await this.detach(endpoint);
    this.left.add(endpointId);
  }

  async deleteEndpoint({ endpointId }: EndpointRef): Promise<void> {
    const endpoint = this.journal.state.endpoints[endpointId];
    if (endpoint && !this.left.has(endpointId)) await this.detach(endpoint);
    this.left.delete(endpointId);
    if (endpoint) await this.journal.removeEndpoint(endpointId);
  }

  async endpointInfo({ endpointId }: EndpointRef): Promise<Readonly<Record<string, string>>> {
    const endpoint = this.journal.state.endpoints[endpointId];
    if (!endpoint) return {};
    return { [OPTION.epg]: endpoint.epg, [OPTION.bridgeDomain]: endpoint.bridgeDomain, port: endpoint.port };
  }

  private async detach(endpoint: JournalEndpoint): Promise<void> {
    try {
      await this.attachments.detach(endpoint);
    } finally {
      this.parts.onDetached?.(endpoint);
    }
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

  /**
   * One endpoint has an address at a time. An earlier one may be left over because its end was not told; its device says
   * whether it lives.
   */
  private async supersede(endpointId: string, bridgeDomain: string, address: string): Promise<void> {
    const others = Object.values(this.journal.state.endpoints).filter(
      (e) => e.endpointId !== endpointId && e.bridgeDomain === bridgeDomain && e.address === address,
    );
    for (const other of others) {
      if (await this.attachments.isAlive(other))
        throw new HeddleError(
          'conflict',
          `the address ${address} is in use by the endpoint ${other.endpointId.slice(0, 12)} of ${other.epg} on this host`,
        );
      await this.detach(other);
      await this.journal.removeEndpoint(other.endpointId);
    }
  }

  /** The next one after the last that was given, so that one that was just given up rests. */
  private freeLinkIndex(): number {
    const used = new Set(Object.values(this.journal.state.endpoints).map((e) => e.linkIndex));
    this.lastLinkIndex ??= Math.max(0, ...used);
    for (let step = 0; step < MAX_LINK_INDEX; step++) {
      const index = ((this.lastLinkIndex + step) % MAX_LINK_INDEX) + 1;
      if (used.has(index)) continue;
      this.lastLinkIndex = index;
      return index;
    }
    throw new HeddleError('limit', `this host has ${MAX_LINK_INDEX} endpoints already, and no more can be told apart`);
  }

  /** An address that is held for an allocation is for that allocation's container only. */
  private checkOwner(bridgeDomain: string, address: string, allocation: string | undefined): void {
    const owner = this.addresses.owner(bridgeDomain, address);
    const expected = allocation === undefined ? undefined : allocationOwner(allocation);
    if (owner === undefined || owner === expected || (expected === undefined && isAnonymous(owner))) return;
    throw new HeddleError(
      'conflict',
      `the address ${address} is held by ${owner}${expected ? `, not by ${expected}` : ''}`,
    );
  }
}

/** A child of an uplink is later found by the namespace that it is moved to. */
function inSandbox(endpoint: JournalEndpoint, sandbox: string): JournalEndpoint {
  if (!endpoint.macvlan) return endpoint;
  if (sandbox.startsWith('/')) return { ...endpoint, macvlan: { ...endpoint.macvlan, sandbox } };
  throw new HeddleError(
    'invalid',
    `found sandbox key "${sandbox}"; allowed is the absolute path of a network namespace`,
  );
}

/** What can be the address of an endpoint's interface: of one device, and not the gateway's. */
function checkMac(mac: string): string {
  const isUnicast = /^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$/.test(mac);
  if (isUnicast && mac !== GATEWAY_MAC && mac !== '00:00:00:00:00:00') return mac;
  throw new HeddleError(
    'invalid',
    `found MAC address ${mac}; allowed is a unicast address other than the gateway's ${GATEWAY_MAC}, or none`,
  );
}

function isIn(gateway: string, address: string): boolean {
  const cidr = parseCidr(gateway);
  const parsed = parseAddress(address);
  return cidr !== undefined && parsed !== undefined && contains(cidr, parsed);
}

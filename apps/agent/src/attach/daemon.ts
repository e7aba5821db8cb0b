import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { ipamService, networkService, PluginServer } from '@heddle/docker';
import { HashedFile, type Files, type IpCommand, type NftCommand } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import { OvsDatabase } from '@heddle/ovs';
import { HOST_LINK_ADDRESS, linkAddress } from '@heddle/pipeline';
import type { HostConfig } from '../config';
import { endpointOfPort } from '../datapath/port-ids';
import { LinkServer } from '../link/connect';
import type { AttachedEndpoint, AttachMethods } from '../link/protocol';
import type { Handlers } from '../link/peer';
import { HostAddresses } from './addresses';
import { Attacher } from './attacher';
import { DnsServer } from './dns/server';
import { ensureBridge, ensureHostLink } from './host-link';
import { HeddleIpamDriver } from './ipam-driver';
import { Journal, type JournalEndpoint, type JournalState } from './journal';
import { HeddleNetworkDriver } from './network-driver';
import { allocationOwner } from './options';
import { ensurePortGuard, keepPortGuard } from './port-guard';

const DNS_PORT = 53;
/** How often the host link is looked at: a restarted vswitchd makes a new interface without an address. */
const HOST_LINK_CHECK_MS = 2_000;

export interface AttachPorts {
  readonly files: Files;
  readonly ip: IpCommand;
  readonly nft: NftCommand;
  readonly log: (level: 'info' | 'warn' | 'error', message: string, fields?: Record<string, unknown>) => void;
}

/**
 * The attach daemon: owns the plugin socket, the journal, the bridge with its default-deny ports, and the containers' name
 * server. It starts before the engine and is rarely changed; the agent may come and go.
 */
export class AttachDaemon {
  private constructor(
    private readonly parts: { plugin: PluginServer; link: LinkServer; dns: DnsServer; ovs: OvsDatabase },
    private readonly timer: NodeJS.Timeout,
    private readonly endGuard: () => void,
  ) {}

  static async start(config: HostConfig, { files, ip, nft, log }: AttachPorts): Promise<AttachDaemon> {
    const journal = await Journal.open(
      new HashedFile<JournalState>(files, path.join(config.stateDir, 'attach.journal'), (json) => json as JournalState),
    );
    const ovs = await OvsDatabase.connect({ socketPath: config.ovs.databaseSocket });
    const { bridge, datapathType } = config.ovs;
    await ensurePortGuard(nft);
    await ensureBridge(ovs, { bridge, datapathType });
    let hostLink = await ensureHostLink(ovs, ip, bridge);
    const adopted = await adoptPorts(journal, ovs, bridge);
    for (const problem of adopted) log('warn', problem);

    const addresses = new HostAddresses(journal, () => Date.now());
    let names: ReadonlyMap<string, readonly string[]> = new Map();
    const handlers: Handlers<AttachMethods> = {
      hello: async () => ({ endpoints: Object.values(journal.state.endpoints), hostLink }),
      configure: async (configuration) => {
        await journal.update((state) => ({ ...state, configuration }));
        return {};
      },
      names: async (records) => {
        names = new Map(Object.entries(records));
        return {};
      },
      reserve: async ({ bridgeDomain, owner }) => {
        const reservation = await addresses.reserve(bridgeDomain, owner);
        return reservation ?? { exhausted: true };
      },
      release: async ({ owner }) => {
        await addresses.release(owner);
        return {};
      },
    };
    const link = await LinkServer.listen(config.attach.socket, handlers);
    const attacher = new Attacher(ip, ovs, { bridge, checksumsInSoftware: datapathType === 'netdev' });
    const plugin = new PluginServer({
      socketPath: config.plugin.socket,
      services: [
        networkService(new HeddleNetworkDriver(journal, addresses, attacher, link, () => new Date())),
        ipamService(new HeddleIpamDriver(journal, addresses, randomUUID().slice(0, 8))),
      ],
      deadlines: { 'NetworkDriver.Join': 20_000 },
      onCall: ({ method, milliseconds, error }) =>
        log(error ? 'warn' : 'info', error ? `${method}: ${error.message}` : method, {
          milliseconds: Math.round(milliseconds * 10) / 10,
        }),
      onFault: (error) => log('error', `plugin: ${error.message}`),
    });
    const dns = await DnsServer.listen({
      address: HOST_LINK_ADDRESS,
      port: DNS_PORT,
      names: () => names,
      tenantOf: (address) =>
        Object.values(journal.state.endpoints)
          .find((e) => linkAddress(e.linkIndex) === address)
          ?.epg.split('/')[0],
      onError: (error) => log('error', `name server: ${error.message}`),
    });
    await plugin.start();
    const timer = setInterval(() => {
      ensureHostLink(ovs, ip, bridge).then(
        (found) => (hostLink = found),
        (error: unknown) => log('warn', `host link: ${HeddleError.from(error).message}`),
      );
    }, HOST_LINK_CHECK_MS);
    const endGuard = keepPortGuard(nft, {
      onMissing: () =>
        log('warn', 'somebody removed the rules that keep endpoints from the host itself; they are back'),
      onError: (error) => log('error', `port guard: ${error.message}`),
    });
    log('info', `attach daemon ready on ${config.plugin.socket}`, {
      endpoints: Object.keys(journal.state.endpoints).length,
    });
    return new AttachDaemon({ plugin, link, dns, ovs }, timer, endGuard);
  }

  /** Stops answering. What is attached stays attached. */
  async stop(): Promise<void> {
    clearInterval(this.timer);
    this.endGuard();
    await this.parts.plugin.stop();
    await this.parts.dns.close();
    await this.parts.link.close();
    await this.parts.ovs.close();
  }
}

/**
 * Takes over what is attached: the ports of the bridge are the first authority, the journal the last. A port that the journal
 * does not know is written into it, one that it knows otherwise is believed; both are told.
 */
export async function adoptPorts(
  journal: Journal,
  ovs: Pick<OvsDatabase, 'listPorts'>,
  bridge: string,
): Promise<string[]> {
  const problems: string[] = [];
  const ports = await ovs.listPorts(bridge);
  const found = ports.flatMap((port) => endpointOfPort(port.name, port.externalIds) ?? []);
  await journal.update((state) => {
    let next = state;
    for (const endpoint of found) {
      const known = state.endpoints[endpoint.endpointId];
      if (known && sameEndpoint(known, endpoint)) continue;
      problems.push(
        known
          ? `endpoint ${endpoint.endpointId.slice(0, 12)}: the bridge says ${endpoint.epg} ${endpoint.address}, the journal ${known.epg} ${known.address}; the bridge is believed`
          : `endpoint ${endpoint.endpointId.slice(0, 12)} (${endpoint.epg} ${endpoint.address}) is on the bridge and not in the journal; adopted`,
      );
      next = adoptEndpoint(next, endpoint);
    }
    return next;
  });
  return problems;
}

const FACTS = ['bridgeDomain', 'epg', 'allocation', 'mac', 'address', 'linkIndex'] as const;
const sameEndpoint = (a: AttachedEndpoint, b: AttachedEndpoint): boolean => FACTS.every((fact) => a[fact] === b[fact]);

function adoptEndpoint(state: JournalState, endpoint: AttachedEndpoint): JournalState {
  const { bridgeDomain, address, allocation, endpointId } = endpoint;
  const gateways = state.configuration.bridgeDomains.find((d) => d.path === bridgeDomain)?.gateways ?? [];
  const entry: JournalEndpoint = {
    ...endpoint,
    networkId: state.endpoints[endpointId]?.networkId ?? '',
    prefix: Number(gateways[0]?.split('/')[1] ?? 32),
  };
  const table = state.addresses[bridgeDomain] ?? { held: {}, released: {} };
  const owner = allocation === undefined ? `docker:${endpointId}` : allocationOwner(allocation);
  return {
    ...state,
    endpoints: { ...state.endpoints, [endpointId]: entry },
    addresses: { ...state.addresses, [bridgeDomain]: { ...table, held: { ...table.held, [address]: owner } } },
  };
}

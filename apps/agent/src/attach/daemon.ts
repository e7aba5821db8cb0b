import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { ipamService, networkService, PluginServer } from '@heddle/docker';
import { HashedFile, type CommandRunner, type Files, type IpCommand, type NftCommand } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import { OvsDatabase } from '@heddle/ovs';
import { HOST_LINK_ADDRESS } from '@heddle/pipeline';
import type { HostConfig } from '../config';
import { LinkServer } from '../link/link-server';
import { HostAddresses } from './addresses';
import { adoptEndpoints } from './adopt-endpoints';
import { Attachments } from './attachments';
import { collect, keepCollecting } from './collect';
import { NameTable } from './dns/name-table';
import { DnsServer } from './dns/server';
import { ensureBridge, ensureHostLink, keepHostLink } from './host-link';
import { HeddleIpamDriver } from './ipam-driver';
import { Journal, type JournalState } from './journal';
import { linkHandlers, tenantFinder } from './link-handlers';
import { MacvlanPart } from './macvlan/macvlan-part';
import { HeddleNetworkDriver } from './network-driver';
import { OvsDriver } from './ovs/ovs-driver';
import { ensureGuard, keepGuard } from './packet-guard';
import { ENDPOINT_PORTS, portGuard } from './port-guard';
import { tenth } from './stopwatch';

const DNS_PORT = 53;
const USERSPACE_TSO = 'userspace-tso-enable';
/** A join waits for the agent, which may have to be started first. */
const JOIN_DEADLINE_MS = 20_000;

export interface AttachPorts {
  readonly files: Files;
  readonly ip: IpCommand;
  readonly nft: NftCommand;
  /** Runs other commands, in network namespaces of containers. */
  readonly commands: CommandRunner;
  readonly log: (level: 'info' | 'warn' | 'error', message: string, fields?: Record<string, unknown>) => void;
}

type Ending = () => Promise<void> | void;

/**
 * The attach daemon: owns the plugin socket, the journal, the bridge with its default-deny ports, and the containers' name
 * server. It starts before the engine and is rarely changed; the agent may come and go.
 */
export class AttachDaemon {
  private constructor(private readonly endings: readonly Ending[]) {}

  /** @throws HeddleError when it cannot serve; nothing is left open then */
  static async start(config: HostConfig, ports: AttachPorts): Promise<AttachDaemon> {
    const endings: Ending[] = [];
    const daemon = new AttachDaemon(endings);
    try {
      await open(config, ports, endings);
      return daemon;
    } catch (error) {
      await daemon.stop();
      throw error;
    }
  }

  /** Stops answering. What is attached stays attached. */
  async stop(): Promise<void> {
    for (const end of [...this.endings].reverse()) await end();
  }
}

/** Opens everything in the order in which one needs the other; the engine's calls come last. */
async function open(config: HostConfig, ports: AttachPorts, endings: Ending[]): Promise<void> {
  const { files, ip, nft, log } = ports;
  const { bridge, datapathType, databaseSocket } = config.ovs;
  const journal = await Journal.open(
    new HashedFile<JournalState>(files, path.join(config.stateDir, 'attach.journal'), (json) => json as JournalState),
  );
  const ovs = await OvsDatabase.connect({ socketPath: databaseSocket });
  endings.push(() => ovs.close());
  const guard = portGuard([...ENDPOINT_PORTS, ...Object.values(config.uplinks).map((uplink) => uplink.interface)]);
  await ensureGuard(nft, guard);
  endings.push(
    keepGuard(nft, () => guard, {
      onMissing: () =>
        log('warn', 'somebody removed or changed the rules that keep endpoints from the host itself; they are back'),
      onError: (error) => log('error', `port guard: ${error.message}`),
    }),
  );
  await ensureBridge(ovs, { bridge, datapathType });
  await ensureHostLink(ovs, ip, bridge);
  // With segmentation offload a user-space switch takes packets as the kernel leaves them, and is many times faster for it.
  const { [USERSPACE_TSO]: tso } = await ovs.otherConfig();
  const checksumsInSoftware = datapathType === 'netdev' && tso !== 'true';
  const onUndoFailed = (error: HeddleError): void =>
    log('error', `an attachment could not be undone: ${error.message}`);
  const names = new NameTable();
  const macvlan = new MacvlanPart({ ...ports, config, journal, ovs, names: () => names.current, onUndoFailed });
  const attachments = new Attachments(
    [new OvsDriver(ip, ovs, { bridge, checksumsInSoftware, onError: onUndoFailed }), macvlan.driver],
    () => journal.state.configuration,
  );
  for (const problem of await adoptEndpoints(journal, attachments)) log('warn', problem);
  endings.push(
    keepHostLink({
      ensure: () => ensureHostLink(ovs, ip, bridge),
      onError: (error) => log('warn', `host link: ${error.message}`),
    }),
  );

  const dns = await DnsServer.listen({
    address: HOST_LINK_ADDRESS,
    port: DNS_PORT,
    names: () => names.current,
    tenantOf: tenantFinder(journal),
    onError: (error) => log('error', `name server: ${error.message}`),
  });
  endings.push(() => dns.close());

  const now = (): number => Date.now();
  const addresses = new HostAddresses(journal, now);
  const link = await LinkServer.listen(
    config.attach.socket,
    linkHandlers(journal, addresses, names, () => macvlan.configured()),
    (error) => log('error', `agent socket: ${error.message}`),
    () => macvlan.connected(),
  );
  // Ends when the agent is not asked any more.
  endings.push(macvlan.start(addresses, link));
  endings.push(() => link.close());
  endings.push(
    keepCollecting(
      async () => {
        for (const endpoint of await collect({ journal, addresses, attachments, now })) {
          const { endpointId, epg, address } = endpoint;
          log('warn', `endpoint ${endpointId.slice(0, 12)} (${epg} ${address}) has no device any more; forgotten`);
          macvlan.changed(endpoint);
        }
      },
      (error) => log('warn', `looking for endpoints without a device: ${error.message}`),
    ),
  );

  const plugin = new PluginServer({
    socketPath: config.plugin.socket,
    services: [
      networkService(
        new HeddleNetworkDriver({
          journal,
          addresses,
          attachments,
          agent: link,
          now: () => new Date(),
          onAttaching: (endpoint) => macvlan.changed(endpoint),
          onAttached: ({ endpointId, epg, address }, parts) =>
            log('info', `attached ${endpointId.slice(0, 12)} to ${epg}`, { address, parts }),
          onDetached: (endpoint) => macvlan.changed(endpoint),
        }),
      ),
      ipamService(new HeddleIpamDriver(journal, addresses, link, randomUUID().slice(0, 8))),
    ],
    deadlines: { 'NetworkDriver.Join': JOIN_DEADLINE_MS },
    onCall: ({ method, status, milliseconds, error }) =>
      // What the engine asks for and does without (404) is nothing to warn of.
      log(error && status !== 404 ? 'warn' : 'info', error ? `${method}: ${error.message}` : method, {
        call: method,
        milliseconds: tenth(milliseconds),
      }),
    onFault: (error) => log('error', `plugin: ${HeddleError.from(error).message}`),
  });
  await plugin.start();
  endings.push(() => plugin.stop());
  log('info', `attach daemon ready on ${config.plugin.socket}`, {
    endpoints: Object.keys(journal.state.endpoints).length,
  });
}

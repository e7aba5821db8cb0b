import path from 'node:path';
import type { CommandRunner, Files, IpCommand, NftCommand } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import type { OvsDatabase } from '@heddle/ovs';
import type { HostConfig } from '../../config';
import type { AgentAccess } from '../../link/link-server';
import type { AttachedEndpoint } from '../../link/protocol';
import { Pushed } from '../../link/pushed';
import type { HostAddresses } from '../addresses';
import type { Question } from '../dns/message';
import { SandboxNames, type NamedSandbox } from '../dns/sandbox-names';
import { SandboxSockets } from '../dns/sandbox-sockets';
import type { Journal } from '../journal';
import { netnsExists } from './devices';
import { MacvlanFacts } from './facts';
import { MacvlanKeeper } from './keeper';
import { MacvlanDriver } from './macvlan-driver';
import { Shims } from './shims';

/** The folder of the facts, below that of this boot. */
export const MACVLAN_FOLDER = 'macvlan';
const TELL_DEADLINE_MS = 5_000;

export interface MacvlanPartOptions {
  readonly config: Pick<HostConfig, 'runDir'>;
  readonly files: Files;
  readonly ip: IpCommand;
  readonly nft: NftCommand;
  readonly commands: CommandRunner;
  readonly ovs: Pick<OvsDatabase, 'listBridges' | 'listPorts'>;
  readonly journal: Journal;
  readonly names: Question['names'];
  readonly onUndoFailed: (error: HeddleError) => void;
  /** The program that opens sockets in containers; by default the one beside this. */
  readonly socketsProgram?: string;
  readonly log: (level: 'info' | 'warn' | 'error', message: string) => void;
}

/** What a host has for children of uplinks beside their driver, put together. */
export class MacvlanPart {
  readonly driver: MacvlanDriver;
  readonly names: SandboxNames;
  private keeper: MacvlanKeeper | undefined;
  private unported: Pushed<readonly AttachedEndpoint[]> | undefined;

  constructor(private readonly options: MacvlanPartOptions) {
    const { config, files, ip, commands, ovs, names, socketsProgram, log, onUndoFailed } = options;
    this.names = new SandboxNames({
      sockets: new SandboxSockets(commands, socketsProgram),
      names,
      exists: netnsExists,
      onError: (error) => log('warn', `names in a container: ${error.message}`),
    });
    this.driver = new MacvlanDriver(ip, new MacvlanFacts(files, path.join(config.runDir, MACVLAN_FOLDER)), {
      switchPorts: () => switchPorts(ovs),
      letGo: async ({ macvlan: { sandbox } }) => {
        if (sandbox !== undefined) await this.names.release(sandbox);
      },
      onError: onUndoFailed,
    });
  }

  /** Begins to keep everything as it should be. Returns what ends that; what is attached stays. */
  start(addresses: HostAddresses, agent: AgentAccess): () => Promise<void> {
    const { ip, nft, journal, log } = this.options;
    const { driver, names } = this;
    let failure: string | undefined;
    const unported = new Pushed<readonly AttachedEndpoint[]>({
      send: async (endpoints) => void (await agent.ask('unported', endpoints, TELL_DEADLINE_MS)),
      onArrived: () => (failure = undefined),
      onFailed: (error) => {
        const { code, message } = HeddleError.from(error);
        // While there is no agent nothing needs to be told; and it is tried again every second.
        if (code !== 'unavailable' && message !== failure)
          log('warn', `the agent does not take the endpoints of uplinks: ${message}`);
        failure = message;
      },
    });
    const shims = new Shims({
      driver,
      ip,
      nft,
      addresses,
      agent,
      now: () => new Date(),
      onGuardMissing: () =>
        log('warn', "somebody removed or changed the rules that limit the host's interfaces in EPGs; they are back"),
      onError: (error) => log('error', `shim guard: ${error.message}`),
    });
    const keeper = new MacvlanKeeper({
      driver,
      shims,
      keepNames: (inContainers) => names.keep(inContainers.flatMap(sandboxOf)),
      tell: (endpoints) => unported.set(endpoints),
      configuration: () => journal.state.configuration,
      onError: (error) => log('error', `macvlan: ${error.message}`),
    });
    this.keeper = keeper;
    this.unported = unported;
    keeper.changed();
    return async () => {
      unported.close();
      await keeper.close();
      shims.close();
      names.close();
    };
  }

  /** An endpoint came or went, or may have. */
  changed({ macvlan }: AttachedEndpoint): void {
    if (macvlan) this.keeper?.changed();
  }

  /** Another agent is there. */
  connected(): void {
    this.unported?.again();
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    await this.keeper?.idle();
  }

  /** Resolves when the children have the modes of the newest configuration. */
  async configured(): Promise<void> {
    await this.keeper?.applyModes();
  }
}

/** The container of a child; none for one that is not in any. */
function sandboxOf({ epg, macvlan }: AttachedEndpoint): NamedSandbox[] {
  const [tenant = ''] = epg.split('/');
  return macvlan?.sandbox === undefined ? [] : [{ sandbox: macvlan.sandbox, tenant }];
}

async function switchPorts(ovs: MacvlanPartOptions['ovs']): Promise<ReadonlyMap<string, string>> {
  const bridges = await ovs.listBridges();
  const each = bridges.map(async ({ name }) => (await ovs.listPorts(name)).map((port) => [port.name, name] as const));
  return new Map((await Promise.all(each)).flat());
}

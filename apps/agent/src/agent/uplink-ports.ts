import { networkInterfaces } from 'node:os';
import { HeddleError, type Uplink } from '@heddle/model';
import type { PortDatabase } from '../port-database';

/** Marks a port in `external_ids` that is an uplink, with its name. */
const UPLINK_ID = 'heddle-uplink';

export interface UplinkPortsParts {
  readonly ovs: PortDatabase;
  readonly bridge: string;
  /** By name. */
  readonly uplinks: Readonly<Record<string, Uplink>>;
  readonly onChange: () => void;
  /** The addresses of an interface. */
  readonly addressesOf?: (interfaceName: string) => readonly string[];
}

/**
 * The uplinks whose interfaces are ports of the bridge: those that Domains of the switch use now. An interface that has an
 * address is never taken: the host would lose it.
 */
export class UplinkPorts {
  private wanted: ReadonlySet<string> = new Set();
  private found: readonly string[] = [];
  private turn: Promise<void> = Promise.resolve();

  constructor(private readonly parts: UplinkPortsParts) {}

  /** What keeps uplinks from being ports, one sentence each. */
  get problems(): readonly string[] {
    return this.found;
  }

  /** @param wanted names of uplinks; those that this host does not have are none of its affair */
  want(wanted: ReadonlySet<string>): void {
    const here = new Set([...wanted].filter((name) => this.parts.uplinks[name] !== undefined));
    if (here.size === this.wanted.size && [...here].every((name) => this.wanted.has(name))) return;
    this.wanted = here;
    this.refresh();
  }

  /** Looks again whether all is as it should be. */
  refresh(): void {
    this.turn = this.turn.then(() => this.bringAbout());
  }

  /** Resolves when nothing is being changed. */
  idle(): Promise<void> {
    return this.turn;
  }

  private async bringAbout(): Promise<void> {
    const { ovs, bridge, uplinks, onChange } = this.parts;
    const problems: string[] = [];
    try {
      for (const port of await ovs.listPorts(bridge)) {
        const name = port.externalIds[UPLINK_ID];
        if (name !== undefined && (!this.wanted.has(name) || uplinks[name]?.interface !== port.name))
          await ovs.deletePort(port.name);
      }
      for (const name of this.wanted) problems.push(...(await this.ensure(name, uplinks[name] as Uplink)));
    } catch (error) {
      problems.push(`uplinks: ${HeddleError.from(error).message}`);
    }
    if (problems.join() === this.found.join()) return;
    this.found = problems;
    onChange();
  }

  private async ensure(name: string, uplink: Uplink): Promise<string[]> {
    const { ovs, bridge, addressesOf = addressesOfInterface } = this.parts;
    const [address] = addressesOf(uplink.interface);
    if (address !== undefined) {
      return [
        `uplink "${name}": its interface ${uplink.interface} has the address ${address}, which the host would lose; give Heddle an interface of its own`,
      ];
    }
    const externalIds = { [UPLINK_ID]: name };
    const { error } = await ovs.ensurePort({ bridge, name: uplink.interface, type: '', externalIds });
    return error === undefined ? [] : [`uplink "${name}": the switch cannot use ${uplink.interface}: ${error}`];
  }
}

/** Without link-local ones, which every interface may get by itself. */
const addressesOfInterface = (name: string): string[] =>
  (networkInterfaces()[name] ?? []).map(({ address }) => address).filter((address) => !address.startsWith('fe80:'));

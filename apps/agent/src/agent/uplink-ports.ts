import { networkInterfaces } from 'node:os';
import { HeddleError, type ErrorCode, type Uplink, type UplinkProblems } from '@heddle/model';
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
  private found: Found = { byUplink: {} };
  private turn: Promise<void> = Promise.resolve();

  constructor(private readonly parts: UplinkPortsParts) {}

  /** Why uplinks that are wanted are no ports, by their names. */
  get problems(): UplinkProblems {
    return this.found.byUplink;
  }

  /** What keeps all of them from being looked at, one sentence. */
  get trouble(): string | undefined {
    return this.found.trouble;
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
    const byUplink: Record<string, string> = {};
    let trouble: string | undefined;
    try {
      for (const port of await ovs.listPorts(bridge)) {
        const name = port.externalIds[UPLINK_ID];
        if (name !== undefined && (!this.wanted.has(name) || uplinks[name]?.interface !== port.name))
          await ovs.deletePort(port.name);
      }
      for (const name of this.wanted) {
        const problem = await this.ensure(name, uplinks[name] as Uplink);
        if (problem !== undefined) byUplink[name] = problem;
      }
    } catch (error) {
      trouble = `uplinks: ${HeddleError.from(error).message}`;
    }
    // What was wrong with them is as true as it was while they cannot be looked at.
    const found = trouble === undefined ? { byUplink } : { byUplink: { ...this.found.byUplink, ...byUplink }, trouble };
    if (JSON.stringify(found) === JSON.stringify(this.found)) return;
    this.found = found;
    onChange();
  }

  /** @throws HeddleError when the database does not answer */
  private async ensure(name: string, uplink: Uplink): Promise<string | undefined> {
    const { ovs, bridge, addressesOf = addressesOfInterface } = this.parts;
    const [address] = addressesOf(uplink.interface);
    if (address !== undefined)
      return `its interface ${uplink.interface} has the address ${address}, which the host would lose; give Heddle an interface of its own`;
    const externalIds = { [UPLINK_ID]: name };
    try {
      const { error } = await ovs.ensurePort({ bridge, name: uplink.interface, type: '', externalIds });
      return error === undefined ? undefined : `the switch cannot use ${uplink.interface}: ${error}`;
    } catch (error) {
      const { code, message } = HeddleError.from(error);
      if (OF_THE_INTERFACE.has(code)) return message;
      throw error;
    }
  }
}

interface Found {
  readonly byUplink: UplinkProblems;
  readonly trouble?: string;
}

/** How the switch refuses an interface; everything else is between it and us. */
const OF_THE_INTERFACE: ReadonlySet<ErrorCode> = new Set(['not-found', 'conflict', 'refused']);

/** Without link-local ones, which every interface may get by itself. */
const addressesOfInterface = (name: string): string[] =>
  (networkInterfaces()[name] ?? []).map(({ address }) => address).filter((address) => !address.startsWith('fe80:'));

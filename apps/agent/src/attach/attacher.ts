import { linkName, vethAdd, type IpCommand } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import { portIds } from '../datapath/port-ids';
import type { AttachedEndpoint } from '../link/protocol';
import type { PortDatabase } from '../port-database';
import { Stopwatch } from './stopwatch';

export interface AttacherOptions {
  readonly bridge: string;
  /** A user-space datapath sees the packets of a veth pair as the kernel left them, with checksums still to be filled in. */
  readonly checksumsInSoftware: boolean;
  /** Told of what could not be undone after a failure; the failure itself is thrown. */
  readonly onError: (error: HeddleError) => void;
}

/** What the engine moves into the container. */
export interface AttachedInterface {
  /** Name of the container's end, here in the host until the engine takes it. */
  readonly name: string;
  /** OpenFlow port number of the other end. */
  readonly ofport: number;
}

/**
 * Attaches endpoints to the bridge. A port that is attached has no flows yet, and on a bridge in secure mode what has no
 * flows is dropped: attaching opens nothing.
 */
export class Attacher {
  constructor(
    private readonly ip: IpCommand,
    private readonly ovs: PortDatabase,
    private readonly options: AttacherOptions,
  ) {}

  /**
   * Makes the veth pair and puts one end on the bridge. Leaves nothing behind when it fails.
   * @param stopwatch measures the parts of it
   */
  async attach(endpoint: AttachedEndpoint, mtu: number, stopwatch = new Stopwatch()): Promise<AttachedInterface> {
    const inside = insideName(endpoint.endpointId);
    const { bridge, checksumsInSoftware } = this.options;
    await stopwatch.part('veth', () => this.addVeth(endpoint, inside, mtu));
    try {
      const spec = { bridge, name: endpoint.port, type: '' as const, externalIds: portIds(endpoint) };
      const [port] = await Promise.all([
        stopwatch.part('port', () => this.ovs.ensurePort(spec)),
        checksumsInSoftware ? stopwatch.part('checksums', () => this.ip.offloadsOff(inside, ['tx'])) : undefined,
      ]);
      if (port.ofport === undefined) throw new HeddleError('internal', `the port ${endpoint.port} has no number`);
      return { name: inside, ofport: port.ofport };
    } catch (error) {
      await this.undo(endpoint.port);
      throw error;
    }
  }

  /** Takes a port off the bridge and removes its veth pair. Accepts what is gone already. */
  async detach(port: string): Promise<void> {
    await this.ovs.deletePort(port);
    await this.removeLink(port);
  }

  /** Detaches after something failed; that failure is what the caller goes on to tell. */
  async undo(port: string): Promise<void> {
    try {
      await this.detach(port);
    } catch (error) {
      this.options.onError(HeddleError.from(error));
    }
  }

  /** Whether the kernel still has the port's device: it goes with the container's end, whatever became of the engine. */
  async isAlive(port: string): Promise<boolean> {
    return (await this.ip.link(port)) !== undefined;
  }

  /** Names of every network device of the host. */
  async devices(): Promise<ReadonlySet<string>> {
    return new Set((await this.ip.links()).map((link) => link.ifname));
  }

  private async addVeth(endpoint: AttachedEndpoint, inside: string, mtu: number): Promise<void> {
    const add = vethAdd({ name: endpoint.port, mtu, up: true }, { name: inside, mac: endpoint.mac, mtu });
    try {
      await this.ip.batch([add]);
    } catch (error) {
      // Left over from an attempt that the engine gave up: not trusted to have the right address or peer.
      if (!(await this.isAlive(endpoint.port))) throw error;
      await this.removeLink(endpoint.port);
      await this.ip.batch([add]);
    }
  }

  private async removeLink(name: string): Promise<void> {
    try {
      await this.ip.batch([['link', 'del', 'dev', name]]);
    } catch (error) {
      if (await this.isAlive(name)) throw error;
    }
  }
}

/** What the names of all endpoint ports of a host begin with, and no other link's: rules of the packet filter rely on it. */
export const PORT_PREFIX = 'hd_';

/** Names of the two ends of an endpoint's veth pair. */
export const portName = (endpointId: string): string => linkName(PORT_PREFIX, endpointId);
export const insideName = (endpointId: string): string => linkName('hi', endpointId);

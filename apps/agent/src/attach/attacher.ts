import { linkName, vethAdd, type IpCommand } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import type { OvsDatabase } from '@heddle/ovs';
import { portIds } from '../datapath/port-ids';
import type { AttachedEndpoint } from '../link/protocol';

export interface AttacherOptions {
  readonly bridge: string;
  /** A user-space datapath sees the packets of a veth pair as the kernel left them, with checksums still to be filled in. */
  readonly checksumsInSoftware: boolean;
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
    private readonly ovs: OvsDatabase,
    private readonly options: AttacherOptions,
  ) {}

  async attach(endpoint: AttachedEndpoint, mtu: number): Promise<AttachedInterface> {
    const inside = insideName(endpoint.endpointId);
    await this.addVeth(endpoint, inside, mtu);
    try {
      const [port] = await Promise.all([
        this.ovs.ensurePort({
          bridge: this.options.bridge,
          name: endpoint.port,
          type: '',
          externalIds: portIds(endpoint),
        }),
        this.options.checksumsInSoftware ? this.ip.offloadsOff(inside, ['tx']) : undefined,
      ]);
      if (port.ofport === undefined) throw new HeddleError('internal', `the port ${endpoint.port} has no number`);
      return { name: inside, ofport: port.ofport };
    } catch (error) {
      await this.detach(endpoint.port);
      throw error;
    }
  }

  /** Takes a port off the bridge and removes its veth pair. Accepts what is gone already. */
  async detach(port: string): Promise<void> {
    await this.ovs.deletePort(port);
    await this.removeLink(port);
  }

  private async addVeth(endpoint: AttachedEndpoint, inside: string, mtu: number): Promise<void> {
    const commands = [
      vethAdd({ name: endpoint.port, mtu }, { name: inside, mac: endpoint.mac, mtu }),
      ['link', 'set', 'dev', endpoint.port, 'up'],
    ];
    try {
      await this.ip.batch(commands);
    } catch (error) {
      // Left over from an attempt that the engine gave up: not trusted to have the right address or peer.
      if (!(await this.exists(endpoint.port))) throw error;
      await this.removeLink(endpoint.port);
      await this.ip.batch(commands);
    }
  }

  private async removeLink(name: string): Promise<void> {
    try {
      await this.ip.batch([['link', 'del', 'dev', name]]);
    } catch (error) {
      if (await this.exists(name)) throw error;
    }
  }

  private async exists(name: string): Promise<boolean> {
    return (await this.ip.link(name)) !== undefined;
  }
}

/** What the names of all endpoint ports of a host begin with, and no other link's: rules of the packet filter rely on it. */
export const PORT_PREFIX = 'hd_';

/** Names of the two ends of an endpoint's veth pair. */
export const portName = (endpointId: string): string => linkName(PORT_PREFIX, endpointId);
export const insideName = (endpointId: string): string => linkName('hi', endpointId);

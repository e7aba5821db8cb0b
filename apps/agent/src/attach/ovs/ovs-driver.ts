import { vethAdd, type IpCommand } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import { endpointOfPort, portIds } from '../../datapath/port-ids';
import type { AttachedEndpoint } from '../../link/protocol';
import type { PortDatabase } from '../../port-database';
import type { AttachedInterface, AttachmentDriver, AttachOptions } from '../attachment-driver';
import { HOST_LINK_INTERFACE } from '../host-link';
import { Stopwatch } from '../stopwatch';
import { whenBothEnded } from '../when-both-ended';
import { insideName, portName } from './port-names';

export interface OvsDriverOptions {
  readonly bridge: string;
  /** A user-space datapath sees the packets of a veth pair as the kernel left them, with checksums still to be filled in. */
  readonly checksumsInSoftware: boolean;
  /** Told of what could not be undone after a failure; the failure itself is thrown. */
  readonly onError: (error: HeddleError) => void;
}

/**
 * Attaches endpoints to the bridge of Open vSwitch, each by a veth pair of which one end is a port. A port that is attached
 * has no flows yet, and on a bridge in secure mode what has no flows is dropped: attaching opens nothing.
 */
export class OvsDriver implements AttachmentDriver {
  readonly driver = 'ovs';
  readonly portName = portName;

  constructor(
    private readonly ip: IpCommand,
    private readonly ovs: PortDatabase,
    private readonly options: OvsDriverOptions,
  ) {}

  async attach(
    endpoint: AttachedEndpoint,
    { mtu, stopwatch = new Stopwatch() }: AttachOptions,
  ): Promise<Required<Pick<AttachedInterface, 'name' | 'ofport'>>> {
    const inside = insideName(endpoint.endpointId);
    const { bridge, checksumsInSoftware } = this.options;
    try {
      // The switch goes on listening to the device that a port had when it was made. Costs nothing when there is no port.
      await this.ovs.deletePort(endpoint.port);
      await stopwatch.part('veth', () => this.addVeth(endpoint, inside, mtu));
      const spec = { bridge, name: endpoint.port, type: '' as const, externalIds: portIds(endpoint) };
      const [port] = await whenBothEnded(
        stopwatch.part('port', () => this.ovs.ensurePort(spec)),
        checksumsInSoftware ? stopwatch.part('checksums', () => this.ip.offloadsOff(inside, ['tx'])) : undefined,
      );
      if (port.ofport === undefined) throw new HeddleError('internal', `the port ${endpoint.port} has no number`);
      return { name: inside, ofport: port.ofport };
    } catch (error) {
      await this.undo(endpoint);
      throw error;
    }
  }

  async detach({ port }: AttachedEndpoint): Promise<void> {
    await this.ovs.deletePort(port);
    await this.removeLink(port);
  }

  async undo(endpoint: AttachedEndpoint): Promise<void> {
    try {
      await this.detach(endpoint);
    } catch (error) {
      this.options.onError(HeddleError.from(error));
    }
  }

  isAlive({ port }: AttachedEndpoint): Promise<boolean> {
    return this.hasLink(port);
  }

  async gone<E extends AttachedEndpoint>(endpoints: readonly E[]): Promise<E[]> {
    const links = new Set((await this.ip.links()).map((link) => link.ifname));
    // A list without our own interface is no list to delete anything by.
    if (!links.has(HOST_LINK_INTERFACE)) return [];
    return endpoints.filter(({ port }) => !links.has(port));
  }

  async attached(): Promise<AttachedEndpoint[]> {
    const ports = await this.ovs.listPorts(this.options.bridge);
    return ports.flatMap((port) => endpointOfPort(port.name, port.externalIds) ?? []);
  }

  private async addVeth(endpoint: AttachedEndpoint, inside: string, mtu: number): Promise<void> {
    const add = vethAdd({ name: endpoint.port, mtu, up: true }, { name: inside, mac: endpoint.mac, mtu });
    try {
      await this.ip.batch([add]);
    } catch (error) {
      // Left over from an attempt that the engine gave up: not trusted to have the right address or peer.
      if (!(await this.hasLink(endpoint.port))) throw error;
      await this.removeLink(endpoint.port);
      await this.ip.batch([add]);
    }
  }

  private async removeLink(name: string): Promise<void> {
    try {
      await this.ip.batch([['link', 'del', 'dev', name]]);
    } catch (error) {
      if (await this.hasLink(name)) throw error;
    }
  }

  private async hasLink(name: string): Promise<boolean> {
    return (await this.ip.link(name)) !== undefined;
  }
}

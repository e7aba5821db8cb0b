import { netnsInode, type IpCommand, type IpLink, type IpWords } from '@heddle/host';
import type { MacvlanMode } from '../../link/protocol';
import type { MacvlanEndpoint } from './facts';

/** Where a child is: in the host's namespace, or in the one that is mounted on the file. */
export interface Device {
  readonly name: string;
  readonly netns?: string;
}

/** Whether a network namespace is mounted on a file. */
export type NetnsExists = (file: string) => Promise<boolean>;
export const netnsExists: NetnsExists = async (file) => (await netnsInode(file)) !== undefined;

/** The children themselves, which the engine moves into containers, gives other names there, and moves back. */
export class MacvlanDevices {
  constructor(
    private readonly ip: IpCommand,
    private readonly exists: NetnsExists,
  ) {}

  /** Whether the endpoint's container has its namespace; undefined of one that was never joined to any. */
  async hasSandbox({ macvlan: { sandbox } }: MacvlanEndpoint): Promise<boolean | undefined> {
    return sandbox === undefined ? undefined : this.exists(sandbox);
  }

  /**
   * Finds the endpoint's child: in its container, else on the host under the name that it was made with.
   * @throws HeddleError when it cannot be looked for
   */
  async find(endpoint: MacvlanEndpoint): Promise<Device | undefined> {
    const inside = await this.findInside(endpoint);
    if (inside) return inside;
    const link = await this.ip.link(endpoint.port);
    return link && { name: link.ifname };
  }

  async findInside(endpoint: MacvlanEndpoint): Promise<Device | undefined> {
    const { sandbox } = endpoint.macvlan;
    if (sandbox === undefined || !(await this.exists(sandbox))) return undefined;
    try {
      const link = pick(await this.ip.links(sandbox), endpoint);
      return link && { name: link.ifname, netns: sandbox };
    } catch (error) {
      // It ended while it was looked into.
      if (!(await this.exists(sandbox))) return undefined;
      throw error;
    }
  }

  /** Removes the endpoint's child, wherever it is; returns whether there was one. */
  remove(endpoint: MacvlanEndpoint): Promise<boolean> {
    return this.change(endpoint, (name) => ['link', 'del', 'dev', name]);
  }

  /** Gives the endpoint's child another mode, while it is in use; returns whether there was one. */
  setMode(endpoint: MacvlanEndpoint, mode: MacvlanMode): Promise<boolean> {
    return this.change(endpoint, (name) => ['link', 'set', 'dev', name, 'type', 'macvlan', 'mode', mode]);
  }

  private async change(endpoint: MacvlanEndpoint, words: (name: string) => IpWords): Promise<boolean> {
    const device = await this.find(endpoint);
    if (!device) return false;
    try {
      await this.ip.batch([words(device.name)], device.netns);
    } catch (error) {
      // It may have gone by itself, or the engine moved it while it was looked for.
      const again = await this.find(endpoint);
      if (again && again.netns === device.netns) throw error;
      if (again) await this.ip.batch([words(again.name)], again.netns);
    }
    return true;
  }
}

/** A container that may may give its interface another MAC; then it is known if it is the only child there. */
function pick(links: readonly IpLink[], { mac }: MacvlanEndpoint): IpLink | undefined {
  const children = links.filter(({ linkinfo }) => linkinfo?.info_kind === 'macvlan');
  return children.find(({ address }) => address === mac) ?? (children.length === 1 ? children[0] : undefined);
}

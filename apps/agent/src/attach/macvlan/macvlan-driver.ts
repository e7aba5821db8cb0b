import { macvlanAdd, type IpCommand, type IpLink } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import type { AttachedEndpoint, MacvlanMode } from '../../link/protocol';
import type { AttachedInterface, AttachmentDriver, AttachOptions } from '../attachment-driver';
import { Stopwatch } from '../stopwatch';
import { bridgeIsFree, childModes, type Child, type WantedMode } from './child-modes';
import { MacvlanDevices, netnsExists, type NetnsExists } from './devices';
import type { MacvlanEndpoint, MacvlanFact, MacvlanFacts } from './facts';
import { KeyedLock } from '../keyed-lock';
import { childName } from './link-names';
import { explainRefusal, findParent, findVlan, isOurs, ourVlans, type Parent, type ParentPlace } from './parents';

export interface MacvlanDriverOptions {
  /** Ports of Open vSwitch on this host by name, each with its bridge. */
  readonly switchPorts: () => Promise<ReadonlyMap<string, string>>;
  /** Told of what could not be undone after a failure; the failure itself is thrown. */
  readonly onError: (error: HeddleError) => void;
  readonly netnsExists?: NetnsExists;
}

/**
 * Attaches endpoints as macvlan children of an uplink, or of a VLAN interface of it. No switch of this host sees their
 * packets: they go out by the cable, and the leaf at its other end enforces. Only children in mode bridge reach each other
 * without it, which is why one EPG at most has them on a parent.
 */
export class MacvlanDriver implements AttachmentDriver {
  readonly driver = 'macvlan';
  readonly portName = childName;
  private readonly devices: MacvlanDevices;
  /** What is decided for one child depends on the others of its uplink. */
  private readonly locks = new KeyedLock();

  constructor(
    private readonly ip: IpCommand,
    private readonly facts: MacvlanFacts,
    private readonly options: MacvlanDriverOptions,
  ) {
    this.devices = new MacvlanDevices(ip, options.netnsExists ?? netnsExists);
  }

  async attach(
    endpoint: AttachedEndpoint,
    { mtu, stopwatch = new Stopwatch() }: AttachOptions,
  ): Promise<Required<Pick<AttachedInterface, 'name' | 'macvlan'>>> {
    const child = requireMacvlan(endpoint);
    return this.locks.run(child.macvlan.uplink, async () => {
      const [links, switchPorts] = await stopwatch.part('links', () =>
        Promise.all([this.ip.links(), this.options.switchPorts()]),
      );
      const parent = findParent(links, child.macvlan, switchPorts);
      if (mtu > parent.mtu) throw tooLarge(mtu, parent);
      const attached = await this.withMode(child, parent);
      const { port, mac, macvlan } = attached;
      const leftOver = links.some(({ ifname }) => ifname === port) ? [['link', 'del', 'dev', port]] : [];
      const add = macvlanAdd({ name: port, parent: parent.name, mac, mtu, mode: macvlan.mode });
      try {
        await this.facts.put({ endpoint: attached, parent: parent.name });
        await stopwatch.part('child', () => this.ip.batch([...leftOver, ...parent.make, add]));
      } catch (error) {
        await this.attempt(() => this.detachLocked(attached));
        throw explainRefusal(error, macvlan);
      }
      return { name: port, macvlan };
    });
  }

  async detach(endpoint: AttachedEndpoint): Promise<void> {
    const child = requireMacvlan(endpoint);
    await this.locks.run(child.macvlan.uplink, () => this.detachLocked(child));
  }

  async undo(endpoint: AttachedEndpoint): Promise<void> {
    await this.attempt(() => this.detach(endpoint));
  }

  async isAlive(endpoint: AttachedEndpoint): Promise<boolean> {
    const child = requireMacvlan(endpoint);
    const links = await this.ip.links();
    if (hasLink(links, child.macvlan.uplink)) return this.hasDevice(child, links, this.filters());
    // Without the uplink nothing is seen of its children; but who has no namespace has no interface.
    return (await this.devices.hasSandbox(child)) !== false;
  }

  async gone<E extends AttachedEndpoint>(endpoints: readonly E[]): Promise<E[]> {
    const links = await this.ip.links();
    const filters = this.filters();
    const judged = await Promise.all(
      endpoints.map(async (endpoint) => {
        const child = requireMacvlan(endpoint);
        // An uplink that is not seen says nothing of its children.
        return !hasLink(links, child.macvlan.uplink) || (await this.hasDevice(child, links, filters));
      }),
    );
    return endpoints.filter((_, i) => !judged[i]);
  }

  async attached(): Promise<MacvlanEndpoint[]> {
    return (await this.facts.all()).flatMap(({ endpoint }) => (endpoint.macvlan.shim ? [] : [endpoint]));
  }

  /** The host's own interfaces in EPGs, as they are attached. */
  async shims(): Promise<MacvlanEndpoint[]> {
    return (await this.facts.all()).flatMap(({ endpoint }) => (endpoint.macvlan.shim ? [endpoint] : []));
  }

  /**
   * Gives every child the mode that its EPG is to have, while it is in use. What loses mode bridge does so before anything
   * gets it. May be repeated.
   * @returns why some could not be changed; all others were
   */
  async applyModes(wanted: WantedMode): Promise<HeddleError[]> {
    const uplinks = [...new Set((await this.facts.all()).map(({ endpoint }) => endpoint.macvlan.uplink))];
    const problems = uplinks.map((uplink) =>
      this.locks.run(uplink, async () => {
        const facts = (await this.facts.all()).filter(({ endpoint }) => endpoint.macvlan.uplink === uplink);
        const parents = [...new Set(facts.map(({ parent }) => parent))];
        const childrenOf = (parent: string): MacvlanFact[] => facts.filter((fact) => fact.parent === parent);
        return (await Promise.all(parents.map((parent) => this.applyTo(childrenOf(parent), wanted)))).flat();
      }),
    );
    return (await Promise.all(problems)).flat();
  }

  /** Removes VLAN interfaces of ours that have lost their last child when nobody was there to see it. */
  async tidy(): Promise<void> {
    for (const { link: uplink, ifname } of ourVlans(await this.ip.links())) {
      if (uplink !== undefined) await this.locks.run(uplink, () => this.removeUnused(ifname));
    }
  }

  private async withMode(child: MacvlanEndpoint, parent: Parent): Promise<MacvlanEndpoint> {
    const { port, epg, macvlan } = child;
    const facts = (await this.facts.all()).filter((fact) => fact.parent === parent.name && fact.endpoint.port !== port);
    const others = facts.map(childOf);
    const own: Child = { port, epg, ...(macvlan.shim ? { shim: true } : {}) };
    const modes = childModes([...others, own], (of) => (of === epg ? macvlan.mode : undefined));
    const mode = modes.get(port) === 'bridge' && !bridgeIsFree(epg, others) ? 'vepa' : (modes.get(port) ?? 'vepa');
    return { ...child, macvlan: { ...macvlan, mode } };
  }

  private async detachLocked(child: MacvlanEndpoint): Promise<void> {
    if (!(await this.devices.remove(child))) await this.checkGone(child);
    await this.facts.remove(child.port);
    if (child.macvlan.tagging === 'access') return;
    const vlan = findVlan(await this.ip.links(), child.macvlan);
    if (vlan && isOurs(vlan, child.macvlan)) await this.removeUnused(vlan.ifname);
  }

  private async attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.options.onError(HeddleError.from(error));
    }
  }

  /** @throws HeddleError `state` when the child is up somewhere where it cannot be found: it must not be forgotten */
  private async checkGone({ endpointId, port, mac, macvlan: { sandbox } }: MacvlanEndpoint): Promise<void> {
    const fact = await this.facts.of(port);
    if (!fact || !(await this.ip.filteredMacs(fact.parent)).includes(mac)) return;
    const others = (await this.facts.all()).filter(({ endpoint }) => endpoint.port !== port);
    if (others.some(({ parent, endpoint }) => parent === fact.parent && endpoint.mac === mac)) return;
    throw new HeddleError(
      'state',
      `the interface of the endpoint ${endpointId.slice(0, 12)} (${mac}) is up on ${fact.parent} in a network namespace that is not found at ${sandbox ?? 'any path'}; stop the container that has it`,
    );
  }

  private async hasDevice(child: MacvlanEndpoint, links: readonly IpLink[], macsOf: MacsOf): Promise<boolean> {
    const hasSandbox = await this.devices.hasSandbox(child);
    // On the host it waits to be moved into its container; when that is over, it was moved back and forgotten.
    if (hasLink(links, child.port) && hasSandbox !== false) return true;
    const parent = parentName(links, child.macvlan);
    if (parent !== undefined && (await macsOf(parent)).includes(child.mac)) return true;
    return hasSandbox === true && (await this.devices.findInside(child)) !== undefined;
  }

  /** Asks about each parent once. */
  private filters(): MacsOf {
    const asked = new Map<string, Promise<string[]>>();
    return (parent) => {
      const macs = asked.get(parent) ?? this.ip.filteredMacs(parent);
      asked.set(parent, macs);
      return macs;
    };
  }

  /** Changes the modes of one parent's children. */
  private async applyTo(facts: readonly MacvlanFact[], wanted: WantedMode): Promise<HeddleError[]> {
    const modes = childModes(facts.map(childOf), wanted);
    const current = new Map(facts.map((fact) => [fact.endpoint.port, fact]));
    const change = facts.flatMap(({ endpoint: { port, macvlan } }) => {
      const mode = modes.get(port);
      return mode === undefined || mode === macvlan.mode ? [] : [{ port, mode }];
    });
    const problems: HeddleError[] = [];
    const apply = async ({ port, mode }: { port: string; mode: MacvlanMode }): Promise<void> => {
      const fact = current.get(port);
      const others = [...current.values()].map(childOf);
      if (!fact || (mode === 'bridge' && !bridgeIsFree(fact.endpoint.epg, others))) return;
      try {
        current.set(port, await this.changeMode(fact, mode));
      } catch (error) {
        problems.push(modeProblem(fact, mode, error));
      }
    };
    await Promise.all(change.filter(({ mode }) => mode !== 'bridge').map(apply));
    await Promise.all(change.filter(({ mode }) => mode === 'bridge').map(apply));
    return problems;
  }

  /** The facts never tell of less than the kernel has: others get mode bridge by them. */
  private async changeMode(fact: MacvlanFact, mode: MacvlanMode): Promise<MacvlanFact> {
    const { endpoint, parent } = fact;
    const changed = { parent, endpoint: { ...endpoint, macvlan: { ...endpoint.macvlan, mode } } };
    const set = async (): Promise<void> => {
      const device = await this.devices.find(endpoint);
      if (device) await this.devices.setMode(device, mode);
    };
    if (mode === 'bridge') {
      await this.facts.put(changed);
      await set();
    } else {
      await set();
      await this.facts.put(changed);
    }
    return changed;
  }

  /** Removes a VLAN interface of ours that no child has for a parent, of whomever it might be. */
  private async removeUnused(vlan: string): Promise<void> {
    if ((await this.facts.all()).some(({ parent }) => parent === vlan)) return;
    const [links, macs] = await Promise.all([this.ip.links(), this.ip.filteredMacs(vlan)]);
    if (macs.length > 0 || links.some(({ link }) => link === vlan)) return;
    try {
      await this.ip.batch([['link', 'del', 'dev', vlan]]);
    } catch (error) {
      if (await this.ip.link(vlan)) throw error;
    }
  }
}

type MacsOf = (parent: string) => Promise<readonly string[]>;

const hasLink = (links: readonly IpLink[], name: string): boolean => links.some(({ ifname }) => ifname === name);

const parentName = (links: readonly IpLink[], place: ParentPlace): string | undefined =>
  place.tagging === 'access' ? place.uplink : findVlan(links, place)?.ifname;

const childOf = ({ endpoint: { port, epg, macvlan } }: MacvlanFact): Child => ({
  port,
  epg,
  mode: macvlan.mode,
  ...(macvlan.shim ? { shim: true } : {}),
});

function requireMacvlan(endpoint: AttachedEndpoint): MacvlanEndpoint {
  const { endpointId, macvlan } = endpoint;
  if (macvlan) return { ...endpoint, macvlan };
  throw new HeddleError(
    'internal',
    `the endpoint ${endpointId.slice(0, 12)} does not say of which uplink it is a child`,
  );
}

const tooLarge = (mtu: number, parent: Parent): HeddleError =>
  new HeddleError(
    'refused',
    `the MTU of the endpoint is ${mtu}, that of ${parent.name} only ${parent.mtu}: set the mtu of the Domain to ${parent.mtu} or less, or raise that of ${parent.name}`,
  );

function modeProblem({ endpoint }: MacvlanFact, mode: MacvlanMode, error: unknown): HeddleError {
  const { code, message } = HeddleError.from(error);
  const name = `the interface of the endpoint ${endpoint.endpointId.slice(0, 12)} (${endpoint.epg})`;
  return new HeddleError(code, `${name} has mode ${endpoint.macvlan.mode} and could not get ${mode}: ${message}`);
}

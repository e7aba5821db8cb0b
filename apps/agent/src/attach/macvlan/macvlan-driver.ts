import { macvlanAdd, systemClock, waitFor, type Clock, type IpCommand, type IpLink } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import type { AttachedEndpoint } from '../../link/protocol';
import type { AttachedInterface, AttachmentDriver, AttachOptions } from '../attachment-driver';
import { KeyedLock } from '../keyed-lock';
import { Stopwatch } from '../stopwatch';
import { bridgeIsFree, childModes, type Child, type WantedMode } from './child-modes';
import { MacvlanDevices, netnsExists, type NetnsExists } from './devices';
import type { MacvlanEndpoint, MacvlanFact, MacvlanFacts } from './facts';
import { childName } from './link-names';
import { childOf, ModeChanger } from './mode-changer';
import { explainRefusal, findParent, findVlan, isOurs, ourVlans, type Parent, type ParentPlace } from './parents';

export interface MacvlanDriverOptions {
  /** Ports of Open vSwitch on this host by name, each with its bridge. */
  readonly switchPorts: () => Promise<ReadonlyMap<string, string>>;
  /** Told of what could not be undone after a failure; the failure itself is thrown. */
  readonly onError: (error: HeddleError) => void;
  /**
   * Lets go of what this process has open in the endpoint's container: a socket keeps a network namespace, and with it the
   * child, when everything else of the container is gone.
   */
  readonly letGo?: (endpoint: MacvlanEndpoint) => Promise<void>;
  readonly netnsExists?: NetnsExists;
  readonly clock?: Clock;
}

/** Longer than the engine takes from an endpoint's creation to its container's namespace. */
const JOINING_MS = 2 * 60_000;
/** Longer than the kernel takes to clear a network namespace after its last process; the engine waits for it. */
const ENDING_MS = 3_000;

/**
 * Attaches endpoints as macvlan children of an uplink, or of a VLAN interface of it. No switch of this host sees their
 * packets: they go out by the cable, and the leaf at its other end enforces. Only children in mode bridge reach each other
 * without it, which is why one EPG at most has them on a parent.
 */
export class MacvlanDriver implements AttachmentDriver {
  readonly driver = 'macvlan';
  readonly portName = childName;
  private readonly devices: MacvlanDevices;
  private readonly modes: ModeChanger;
  private readonly clock: Clock;
  /** What is decided for one child depends on the others of its uplink. */
  private readonly locks = new KeyedLock();

  constructor(
    private readonly ip: IpCommand,
    private readonly facts: MacvlanFacts,
    private readonly options: MacvlanDriverOptions,
  ) {
    this.devices = new MacvlanDevices(ip, options.netnsExists ?? netnsExists);
    this.modes = new ModeChanger(facts, this.devices);
    this.clock = options.clock ?? systemClock;
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
        await this.attempt(async () => {
          const problem = await this.detachLocked(attached);
          if (problem) throw problem;
        });
        throw explainRefusal(error, macvlan);
      }
      return { name: port, macvlan };
    });
  }

  async detach(endpoint: AttachedEndpoint): Promise<void> {
    const child = requireMacvlan(endpoint);
    await this.options.letGo?.(child);
    let problem: HeddleError | undefined;
    const detached = async (): Promise<boolean> => {
      problem = await this.locks.run(child.macvlan.uplink, () => this.detachLocked(child));
      return problem === undefined;
    };
    if (!(await this.comesTrue(detached)) && problem) throw problem;
  }

  async undo(endpoint: AttachedEndpoint): Promise<void> {
    await this.attempt(() => this.detach(endpoint));
  }

  async isAlive(endpoint: AttachedEndpoint): Promise<boolean> {
    const child = requireMacvlan(endpoint);
    const links = await this.ip.links();
    // Without the uplink nothing is seen of its children; but who has no namespace has no interface.
    if (!hasLink(links, child.macvlan.uplink)) return (await this.devices.hasSandbox(child)) !== false;
    if (!(await this.hasDevice(child, links, this.filters()))) return false;
    if (await this.isInContainer(child)) return true;
    // Its namespace may just be ending.
    await this.options.letGo?.(child);
    const isGone = async (): Promise<boolean> => !(await this.hasDevice(child, await this.ip.links(), this.filters()));
    return !(await this.comesTrue(isGone));
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

  /** Those that are attached and whose container has its network namespace, or is about to have it. */
  async inContainers(): Promise<MacvlanEndpoint[]> {
    const attached = await this.attached();
    const inside = await Promise.all(attached.map((endpoint) => this.isInContainer(endpoint)));
    return attached.filter((_, i) => inside[i]);
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
        return (await Promise.all(parents.map((parent) => this.modes.apply(childrenOf(parent), wanted)))).flat();
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

  /** @returns why the child must not be forgotten yet, if that is so */
  private async detachLocked(child: MacvlanEndpoint): Promise<HeddleError | undefined> {
    const stillUp = (await this.devices.remove(child)) ? undefined : await this.checkGone(child);
    if (stillUp) return stillUp;
    await this.facts.remove(child.port);
    if (child.macvlan.tagging === 'access') return undefined;
    const vlan = findVlan(await this.ip.links(), child.macvlan);
    if (vlan && isOurs(vlan, child.macvlan)) await this.removeUnused(vlan.ifname);
    return undefined;
  }

  private async attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.options.onError(HeddleError.from(error));
    }
  }

  /** What says that the child is up somewhere where it cannot be found: in a namespace that just ends, or in a hidden one. */
  private async checkGone(child: MacvlanEndpoint): Promise<HeddleError | undefined> {
    const { endpointId, port, mac, macvlan } = child;
    const fact = await this.facts.of(port);
    if (!fact || !(await this.ip.filteredMacs(fact.parent)).includes(mac)) return undefined;
    const others = (await this.facts.all()).filter(({ endpoint }) => endpoint.port !== port);
    if (others.some(({ parent, endpoint }) => parent === fact.parent && endpoint.mac === mac)) return undefined;
    return new HeddleError(
      'state',
      `the interface of the endpoint ${endpointId.slice(0, 12)} (${mac}) is up on ${fact.parent} in a network namespace that is not found at ${macvlan.sandbox ?? 'any path'}; stop the container that has it`,
    );
  }

  private async hasDevice(child: MacvlanEndpoint, links: readonly IpLink[], macsOf: MacsOf): Promise<boolean> {
    // On the host it waits for its container to have a namespace; when that is over, it was moved back and forgotten.
    if (hasLink(links, child.port) && (await this.isInContainer(child))) return true;
    const parent = parentName(links, child.macvlan);
    if (parent !== undefined && (await macsOf(parent)).includes(child.mac)) return true;
    return (await this.devices.findInside(child)) !== undefined;
  }

  /** Whether its container has its namespace, or is about to; one that was never joined counts as well. */
  private async isInContainer(child: MacvlanEndpoint): Promise<boolean> {
    const isYoung = this.clock.now() - Date.parse(child.since) < JOINING_MS;
    return isYoung || (await this.devices.hasSandbox(child)) !== false;
  }

  /** Whether it does within the time that the kernel takes for a namespace to end. */
  private async comesTrue(condition: () => Promise<boolean>): Promise<boolean> {
    try {
      return await waitFor(condition, { deadlineMs: ENDING_MS, intervalMs: 50, what: 'it', clock: this.clock });
    } catch (error) {
      if (error instanceof HeddleError && error.code === 'deadline') return false;
      throw error;
    }
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

import { HeddleError } from '@heddle/model';
import { MachineLock } from '@heddle/host';
import { clearLab, clearNode, tracedNodes, type LabTraces } from './clear';
import { ControlNode } from './control-node';
import type { LabHostSpec } from './host-config';
import { HostNode } from './host-node';
import { runStep, type LabContext, type NodeStatus } from './lab-node';
import { DEFAULT_ROOTS, LabLayout } from './layout';
import { LeafNode } from './leaf-node';
import { thisMachine, type Machine } from './machine';
import { checkHostName, checkLabName, CONTROL, hostNames, LEAF } from './names';
import type { LabOptions } from './options';
import { labCgroup, LABS_CGROUP, labScope } from './scope';
import { isBaseWhole, judge, type LabStatus } from './status';
import { together } from './together';
import { freeIndex } from './underlay';

/** How long a command waits for another one that is at work on the same lab. */
const LOCK_DEADLINE_MS = 120_000;

/**
 * Several hosts on one machine: a leaf switch, a control plane and hosts, each in a network namespace of its own.
 *
 * Everything that is known of a lab is on the disk and in the kernel, so that any process can go on with it. Two locks
 * keep processes apart: the lab's for what concerns all of it, a host's for that host alone, always taken in this order.
 */
export class Lab {
  readonly name: string;
  readonly leaf: LeafNode;
  readonly control: ControlNode;
  private readonly hostNodes = new Map<string, HostNode>();
  private readonly traces: LabTraces;

  private constructor(
    private readonly context: LabContext,
    private readonly scope: string,
  ) {
    const { options, layout, cgroup, machine } = context;
    this.name = options.name;
    this.leaf = new LeafNode(context);
    this.control = new ControlNode(context);
    this.traces = { lab: options.name, layout, cgroup, machine };
  }

  /** The lab of that name, made or not. Nothing is changed by this. */
  static async open(options: LabOptions, machine: Machine = thisMachine()): Promise<Lab> {
    checkLabName(options.name);
    const roots = options.roots ?? DEFAULT_ROOTS;
    const scope = await labScope(roots);
    const layout = new LabLayout(roots, options.name);
    const cgroup = await machine.openCgroup(labCgroup(options.name, scope));
    return new Lab({ options, layout, machine, cgroup }, scope);
  }

  /** The host of that name, made or not. */
  host(name: string): HostNode {
    const known = this.hostNodes.get(name);
    if (known) return known;
    const node = new HostNode(this.context, name);
    this.hostNodes.set(name, node);
    return node;
  }

  /**
   * Makes the lab with the hosts of its options, or what is missing of it; nothing when it is there and whole. A lab that
   * is dead in any part is cleared first.
   * @throws HeddleError that names the step, after everything this call made is cleared
   */
  async up(signal?: AbortSignal): Promise<LabStatus> {
    const wanted = wantedHosts(this.context.options);
    await this.context.machine.check();
    return this.withLab('up', async () =>
      this.withHosts('up', [...(await this.hostTraces()), ...wanted.map((spec) => spec.name)], async () => {
        const status = await this.clearIfDead();
        const isNew = status.state === 'absent';
        const have = new Set(status.nodes.map((node) => node.name));
        const missing = wanted.filter((spec) => !have.has(spec.name));
        const made = missing.map((spec) => spec.name);
        await this.orUndo(isNew ? undefined : made, async () => {
          if (isNew) await this.makeBase(signal);
          for (const spec of missing) await this.reserve(spec);
          await together(
            [
              ...(this.context.options.commands.server ? [(s: AbortSignal) => this.control.start('server', s)] : []),
              ...made.map((name) => (s: AbortSignal) => this.host(name).make(this.leaf, s)),
            ],
            signal,
          );
        });
        return this.statusUnderLock();
      }),
    );
  }

  /** Ends the lab and everything in it, whatever state it is in. Harmless when there is none. */
  async down(): Promise<void> {
    await this.context.machine.check();
    return this.withLab('down', async () =>
      this.withHosts('down', await this.hostTraces(), async () => {
        await this.clear();
      }),
    );
  }

  /**
   * Makes one host, and before it leaf and control plane's node where they are not there or dead; nothing when the host
   * is there and whole. Several processes may do this for several hosts at once.
   * @throws HeddleError that names the step, after the host is cleared
   */
  async hostUp(spec: string | LabHostSpec, signal?: AbortSignal): Promise<NodeStatus> {
    const wanted = typeof spec === 'string' ? { name: spec } : spec;
    const host = this.host(checkHostName(wanted.name));
    await this.context.machine.check();
    const lock = await this.withLab(`host up ${host.name}`, async () => {
      await this.ensureBase(signal);
      const hostLock = await this.lock(`host up ${host.name}`, host.name);
      try {
        const found = await this.tracedHost(host);
        if (found?.state === 'running') {
          await hostLock.release();
          return undefined;
        }
        if (found) await this.clearHost(host.name, `clear what was dead (${found.reason ?? 'its start was cut off'})`);
        await this.reserve(wanted);
        return hostLock;
      } catch (error) {
        await hostLock.release();
        throw error;
      }
    });
    if (!lock) return host.status();
    try {
      await this.orUndo([host.name], () => host.make(this.leaf, signal));
    } catch (error) {
      await lock.release();
      await this.dropBaseIfUnused();
      throw error;
    }
    await lock.release();
    return host.status();
  }

  /**
   * Ends one host. With the last one go leaf and control plane's node too, unless the control plane runs there.
   * Harmless when there is no such host.
   */
  async hostDown(name: string): Promise<void> {
    const host = this.host(checkHostName(name));
    await this.context.machine.check();
    const lock = await this.withLab(`host down ${name}`, () => this.lock(`host down ${name}`, name));
    try {
      if (!(await this.tracedHost(host))) return;
      await this.clearHost(name, 'clear');
    } finally {
      await lock.release();
    }
    await this.dropBaseIfUnused();
  }

  /** Starts the control plane or its door, when it does not run. */
  start(part: 'server' | 'forwarder'): Promise<void> {
    return this.control.start(part);
  }

  /** Sends a signal to the control plane or its door; see {@link HostNode.kill}. */
  kill(part: 'server' | 'forwarder', signal?: NodeJS.Signals): Promise<boolean> {
    return this.control.kill(part, signal);
  }

  /** How the lab and each of its parts are now. */
  async status(): Promise<LabStatus> {
    const nodes = await this.nodeStatuses();
    const [lab, ...hosts] = await Promise.all(
      [undefined, ...nodes.map((node) => node.name)].map((name) => MachineLock.holder(this.lockName(name))),
    );
    const busy = new Map(nodes.map((node, i) => [node.name, hosts[i]]));
    return this.describe(nodes, lab ?? hosts.find((holder) => holder !== undefined), (name) =>
      Boolean(lab ?? busy.get(name)),
    );
  }

  private async statusUnderLock(): Promise<LabStatus> {
    return this.describe(await this.nodeStatuses(), undefined, () => false);
  }

  private async describe(
    nodes: readonly NodeStatus[],
    busy: string | undefined,
    isBusy: (node: string) => boolean,
  ): Promise<LabStatus> {
    const port = await this.control.port();
    return {
      name: this.name,
      ...judge(nodes, isBusy),
      ...(busy ? { busy } : {}),
      ...(port ? { api: { url: `http://127.0.0.1:${port}`, socket: this.context.layout.apiSocket } } : {}),
      nodes,
    };
  }

  private async nodeStatuses(): Promise<NodeStatus[]> {
    const names = await tracedNodes(this.traces);
    const base = [LEAF, CONTROL].filter((name) => names.includes(name));
    const hosts = await Promise.all(
      names.filter(isHostName).map(async (name) => ({ name, index: (await this.host(name).index()) ?? Infinity })),
    );
    hosts.sort((a, b) => a.index - b.index || (a.name < b.name ? -1 : 1));
    return Promise.all([...base, ...hosts.map((host) => host.name)].map((name) => this.node(name).status()));
  }

  private node(name: string): LeafNode | ControlNode | HostNode {
    if (name === LEAF) return this.leaf;
    if (name === CONTROL) return this.control;
    return this.host(name);
  }

  private async hostTraces(): Promise<string[]> {
    return (await tracedNodes(this.traces)).filter(isHostName);
  }

  private async tracedHost(host: HostNode): Promise<NodeStatus | undefined> {
    return (await this.hostTraces()).includes(host.name) ? host.status() : undefined;
  }

  /** Under the lab's and all hosts' locks: clears what is dead, and says what there is then. */
  private async clearIfDead(): Promise<LabStatus> {
    const status = await this.statusUnderLock();
    if (status.state !== 'dead') return status;
    await this.clear(`clear what was dead (${status.reason})`);
    return this.statusUnderLock();
  }

  private async clear(step = 'clear'): Promise<void> {
    await runStep(this.context, undefined, step, async () => {
      await clearLab(this.traces);
      const above = await this.context.machine.openCgroup(LABS_CGROUP);
      await above.removeIfEmpty();
    });
  }

  private async makeBase(signal?: AbortSignal): Promise<void> {
    await together([(s) => this.leaf.make(s), (s) => this.control.make(s)], signal);
    await this.control.join(this.leaf);
  }

  /** Under the lab's lock: leaf and control plane's node as they should be. Hosts on a dead leaf are cut off, so they go. */
  private async ensureBase(signal?: AbortSignal): Promise<void> {
    const traced = new Set(await tracedNodes(this.traces));
    if (traced.has(LEAF) && traced.has(CONTROL)) {
      const [leaf, control] = await Promise.all([this.leaf.status(), this.control.status()]);
      if (isBaseWhole(leaf, control)) return;
    }
    await this.withHosts('clear', [...traced].filter(isHostName), async () => {
      if (traced.size > 0) await this.clear('clear what was dead');
      await this.orUndo(undefined, () => this.makeBase(signal));
    });
  }

  private async dropBaseIfUnused(): Promise<void> {
    await this.withLab('clear', async () => {
      const hosts = await this.hostTraces();
      if (hosts.length === 0 && !(await this.control.hasServer())) await this.clear();
    });
  }

  /** Under the lab's lock: gives a host its address. */
  private async reserve(spec: LabHostSpec): Promise<void> {
    const indexes = await Promise.all((await this.hostTraces()).map((name) => this.host(name).index()));
    await this.host(spec.name).reserve(spec, freeIndex(indexes.filter((index) => index !== undefined)));
  }

  /** Does the work; when that fails, clears these hosts, or the whole lab, before the failure is passed on. */
  private async orUndo<T>(hosts: readonly string[] | undefined, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      try {
        if (hosts === undefined) await this.clear('clear what was begun');
        else await Promise.all(hosts.map((name) => this.clearHost(name, 'clear what was begun')));
      } catch (second) {
        const { code, message, retryable } = HeddleError.from(error);
        const more = `${message}; and what was begun could not be cleared: ${HeddleError.from(second).message}`;
        throw new HeddleError(code, more, { cause: error, retryable });
      }
      throw error;
    }
  }

  /** Under the host's lock. */
  private async clearHost(name: string, step: string): Promise<void> {
    await runStep(this.context, name, step, async () => {
      if ((await this.leaf.status()).state === 'running') await this.leaf.detach(name);
      await clearNode(this.traces, name);
    });
  }

  private async withLab<T>(purpose: string, work: () => Promise<T>): Promise<T> {
    const lock = await this.lock(purpose);
    try {
      return await work();
    } finally {
      await lock.release();
    }
  }

  /** Holds the locks of these hosts, taken in the order of their names, while the work is done. */
  private async withHosts<T>(purpose: string, hosts: Iterable<string>, work: () => Promise<T>): Promise<T> {
    const locks: MachineLock[] = [];
    try {
      for (const host of [...new Set(hosts)].sort()) locks.push(await this.lock(purpose, host));
      return await work();
    } finally {
      for (const lock of locks) await lock.release();
    }
  }

  private lock(purpose: string, host?: string): Promise<MachineLock> {
    return MachineLock.acquire(this.lockName(host), {
      deadlineMs: LOCK_DEADLINE_MS,
      purpose: `lab ${purpose}, process ${process.pid}`,
    });
  }

  private lockName(host?: string): string {
    return ['lab', this.name, this.scope, ...(host === undefined ? [] : [host])].join(':');
  }
}

function isHostName(name: string): boolean {
  return name !== LEAF && name !== CONTROL;
}

function wantedHosts({ hosts = [] }: LabOptions): LabHostSpec[] {
  const listed = typeof hosts === 'number' ? hostNames(hosts) : hosts;
  const specs = listed.map((host) => (typeof host === 'string' ? { name: host } : host));
  const names = specs.map((spec) => checkHostName(spec.name));
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new HeddleError('invalid', `the lab host ${twice} is listed twice`);
  return specs;
}

import { HeddleError } from '@heddle/model';
import { clearLab, clearNode, tracedNodes, type LabTraces } from './clear';
import { ControlNode } from './control-node';
import type { LabHostSpec } from './host-config';
import { HostNode } from './host-node';
import { runStep, type LabContext, type NodeStatus } from './lab-node';
import { DEFAULT_ROOTS, LabLayout } from './layout';
import { LeafNode } from './leaf-node';
import { LabLocks } from './locks';
import { thisMachine, type Machine } from './machine';
import { checkLabName, CONTROL, LEAF } from './names';
import type { LabOptions } from './options';
import { NodeRecords } from './records';
import { labCgroup, LABS_CGROUP, labScope } from './scope';
import { ServerNode } from './server-node';
import type { LabServerSpec } from './server-spec';
import { isBaseWhole, judge, type LabStatus } from './status';
import { together } from './together';
import { freeIndex } from './underlay';
import { wantedHost, wantedNodes, wantedServer, type Wanted } from './wanted';

/** A node that comes and goes while leaf and control plane's node stay. */
type Member = HostNode | ServerNode;

/**
 * Several hosts on one machine: a leaf switch, a control plane, hosts, and servers beside them, each in a network namespace of
 * its own. Everything that is known of a lab is on the disk and in the kernel, so that any process can go on with it.
 */
export class Lab {
  readonly name: string;
  readonly leaf: LeafNode;
  readonly control: ControlNode;
  private readonly hosts = new Map<string, HostNode>();
  private readonly servers = new Map<string, ServerNode>();
  private readonly traces: LabTraces;
  private readonly locks: LabLocks;

  private constructor(
    private readonly context: LabContext,
    scope: string,
  ) {
    const { options, layout, cgroup, machine } = context;
    this.name = options.name;
    this.leaf = new LeafNode(context);
    this.control = new ControlNode(context);
    this.traces = { lab: options.name, layout, cgroup, machine };
    this.locks = new LabLocks(options.name, scope);
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
    return known(this.hosts, name, () => new HostNode(this.context, name));
  }

  /** The server of that name, made or not. */
  server(name: string): ServerNode {
    return known(this.servers, name, () => new ServerNode(this.context, name));
  }

  /**
   * Makes the lab with the hosts and servers of its options, or what is missing of it; nothing when it is there and whole. A
   * lab that is dead in any part is cleared first.
   * @throws HeddleError that names the step, after everything this call made is cleared
   */
  async up(signal?: AbortSignal): Promise<LabStatus> {
    const { options } = this.context;
    const wanted = wantedNodes(options);
    await this.context.machine.check();
    return this.locks.withLab('up', async () =>
      this.locks.withNodes('up', [...(await this.memberNames()), ...wanted.map(nameOf)], async () => {
        const status = await this.clearIfDead();
        const isNew = status.state === 'absent';
        const missing = wanted.filter((each) => !isThere(each, status.nodes));
        await this.orUndo(isNew ? undefined : missing.map(nameOf), async () => {
          if (isNew) await this.makeBase(signal);
          for (const each of missing) await this.reserve(each);
          await together(
            [
              ...(options.commands.server ? [(s: AbortSignal) => this.control.start('server', s)] : []),
              ...missing.map((each) => (s: AbortSignal) => this.member(each).make(this.leaf, s)),
              ...(wanted.length > 0 ? [(s: AbortSignal) => this.startLeafAgent(s)] : []),
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
    return this.locks.withLab('down', async () =>
      this.locks.withNodes('down', await this.memberNames(), async () => {
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
    return this.memberUp(wantedHost(spec), signal);
  }

  /** Makes one server, as {@link hostUp} makes a host. */
  async serverUp(spec: LabServerSpec, signal?: AbortSignal): Promise<NodeStatus> {
    return this.memberUp(wantedServer(spec), signal);
  }

  /**
   * Ends one host. With the last host or server go leaf and control plane's node too, unless the control plane runs there.
   * Harmless when there is no such host.
   */
  async hostDown(name: string): Promise<void> {
    return this.memberDown(this.host(name));
  }

  /** Ends one server, as {@link hostDown} ends a host. */
  async serverDown(name: string): Promise<void> {
    return this.memberDown(this.server(name));
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
    const [lab, ...holders] = await Promise.all(
      [undefined, ...nodes.map((node) => node.name)].map((name) => this.locks.holder(name)),
    );
    const busy = new Map(nodes.map((node, i) => [node.name, holders[i]]));
    return this.describe(nodes, lab ?? holders.find((holder) => holder !== undefined), (name) =>
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
    const base = [this.leaf, this.control].filter(({ name }) => names.includes(name));
    const members = await Promise.all(names.filter(isMemberName).map((name) => this.traced(name)));
    members.sort((a, b) => a.place - b.place || (a.node.name < b.node.name ? -1 : 1));
    return Promise.all([...base, ...members.map(({ node }) => node)].map((node) => node.status()));
  }

  /** Names of the hosts and servers that have left a trace. */
  private async memberNames(): Promise<string[]> {
    return (await tracedNodes(this.traces)).filter(isMemberName);
  }

  /**
   * One of them, and where it is shown.
   * @param kind what it is taken for when it has lost its record, and so is dead in any case
   */
  private async traced(name: string, kind: Member['kind'] = 'host'): Promise<{ node: Member; place: number }> {
    const { machine, layout } = this.context;
    const loaded = await new NodeRecords(machine.files, layout.node(name)).loadNode();
    const record = loaded.state === 'ok' ? loaded.value : undefined;
    if ((record?.kind ?? kind) === 'server') return { node: this.server(name), place: Infinity };
    return { node: this.host(name), place: record?.index ?? Number.MAX_SAFE_INTEGER };
  }

  private member({ kind, spec }: Wanted): Member {
    return kind === 'host' ? this.host(spec.name) : this.server(spec.name);
  }

  /** How a host or server is that may have left a trace. @throws HeddleError `conflict` when its name is that of another kind */
  private async tracedStatus(member: Member): Promise<NodeStatus | undefined> {
    if (!(await this.memberNames()).includes(member.name)) return undefined;
    const { node } = await this.traced(member.name, member.kind);
    if (node.kind !== member.kind) throw nameTaken(member, node);
    return node.status();
  }

  /** Under the lab's and all members' locks: clears what is dead, and says what there is then. */
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
    const { leaf } = this.context.options;
    await together([(s) => this.leaf.make(leaf, s), (s) => this.control.make(s)], signal);
    await this.control.join(this.leaf);
  }

  /** Under the lab's lock: leaf and control plane's node as they should be. Hosts on a dead leaf are cut off, so they go. */
  private async ensureBase(signal?: AbortSignal): Promise<void> {
    const traced = new Set(await tracedNodes(this.traces));
    if (traced.has(LEAF) && traced.has(CONTROL)) {
      const [leaf, control] = await Promise.all([this.leaf.status(), this.control.status()]);
      if (isBaseWhole(leaf, control)) return;
    }
    await this.locks.withNodes('clear', [...traced].filter(isMemberName), async () => {
      if (traced.size > 0) await this.clear('clear what was dead');
      await this.orUndo(undefined, () => this.makeBase(signal));
    });
  }

  private async dropBaseIfUnused(): Promise<void> {
    await this.locks.withLab('clear', async () => {
      const members = await this.memberNames();
      if (members.length === 0 && !(await this.control.hasServer())) await this.clear();
    });
  }

  /** The leaf's agent comes with the first of what it forwards for. To be called under the lock of a host or server. */
  private async startLeafAgent(signal: AbortSignal): Promise<void> {
    if (!this.context.options.commands.agent) return;
    await this.locks.withNodes('start the agent of the leaf', [LEAF], () => this.leaf.startAgent(signal));
  }

  private async memberUp(wanted: Wanted, signal?: AbortSignal): Promise<NodeStatus> {
    const node = this.member(wanted);
    const purpose = `${node.kind} up ${node.name}`;
    await this.context.machine.check();
    const lock = await this.locks.withLab(purpose, async () => {
      await this.ensureBase(signal);
      const taken = await this.locks.take(purpose, node.name);
      try {
        const found = await this.tracedStatus(node);
        if (found?.state === 'running') {
          await taken.release();
          return undefined;
        }
        if (found)
          await this.clearMember(node.name, `clear what was dead (${found.reason ?? 'its start was cut off'})`);
        await this.reserve(wanted);
        return taken;
      } catch (error) {
        await taken.release();
        throw error;
      }
    });
    if (!lock) return node.status();
    try {
      await this.orUndo([node.name], () =>
        together([(s) => node.make(this.leaf, s), (s) => this.startLeafAgent(s)], signal),
      );
    } catch (error) {
      await lock.release();
      await this.dropBaseIfUnused();
      throw error;
    }
    await lock.release();
    return node.status();
  }

  private async memberDown(node: Member): Promise<void> {
    const purpose = `${node.kind} down ${node.name}`;
    await this.context.machine.check();
    const lock = await this.locks.withLab(purpose, () => this.locks.take(purpose, node.name));
    try {
      if (!(await this.tracedStatus(node))) return;
      await this.clearMember(node.name, 'clear');
    } finally {
      await lock.release();
    }
    await this.dropBaseIfUnused();
  }

  /** Under the lab's lock: writes down what is about to be made, a host with its address. */
  private async reserve(wanted: Wanted): Promise<void> {
    if (wanted.kind === 'server') return this.server(wanted.spec.name).reserve(wanted.spec);
    const indexes = await Promise.all((await this.memberNames()).map((name) => this.host(name).index()));
    return this.host(wanted.spec.name).reserve(wanted.spec, freeIndex(indexes.filter((index) => index !== undefined)));
  }

  /** Does the work; when that fails, clears these members, or the whole lab, before the failure is passed on. */
  private async orUndo<T>(members: readonly string[] | undefined, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      try {
        if (members === undefined) await this.clear('clear what was begun');
        else await Promise.all(members.map((name) => this.clearMember(name, 'clear what was begun')));
      } catch (second) {
        const { code, message, retryable } = HeddleError.from(error);
        const more = `${message}; and what was begun could not be cleared: ${HeddleError.from(second).message}`;
        throw new HeddleError(code, more, { cause: error, retryable });
      }
      throw error;
    }
  }

  /** Under its lock. */
  private async clearMember(name: string, step: string): Promise<void> {
    await runStep(this.context, name, step, async () => {
      if (await this.leaf.isWhole()) await this.leaf.detach(name);
      await clearNode(this.traces, name);
    });
  }
}

function known<T>(nodes: Map<string, T>, name: string, make: () => T): T {
  const node = nodes.get(name) ?? make();
  nodes.set(name, node);
  return node;
}

function isMemberName(name: string): boolean {
  return name !== LEAF && name !== CONTROL;
}

function nameOf({ spec }: Wanted): string {
  return spec.name;
}

/** Whether a node of that name and kind is there. @throws HeddleError `conflict` when it is of another kind */
function isThere({ kind, spec: { name } }: Wanted, nodes: readonly NodeStatus[]): boolean {
  const found = nodes.find((node) => node.name === name);
  if (found && found.kind !== kind) throw nameTaken({ kind, name }, found);
  return found !== undefined;
}

function nameTaken(wanted: { kind: string; name: string }, found: { kind: string }): HeddleError {
  const { kind, name } = wanted;
  return new HeddleError('conflict', `${name} is a ${found.kind} of this lab already: give the ${kind} another name`);
}

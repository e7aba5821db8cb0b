import { HeddleError } from '@heddle/model';
import { inNetns, type Cgroup, type IpWords, type RunOptions, type RunResult } from '@heddle/host';
import type { LabLayout, NodeLayout } from './layout';
import type { Machine } from './machine';
import { linkOf, netnsName, type CableName } from './names';
import type { LabOptions } from './options';
import { Parts, type PartSpec, type PartStatus } from './parts';
import {
  isRun,
  NodeRecords,
  required,
  type NewRecord,
  type NodeKind,
  type NodeRecord,
  type PartName,
  type RunName,
} from './records';

const DEFAULT_PART_DEADLINE_MS = 20_000;

/** What all nodes of a lab share. */
export interface LabContext {
  readonly options: LabOptions;
  readonly layout: LabLayout;
  readonly machine: Machine;
  /** Holds everything that the lab starts. */
  readonly cgroup: Cgroup;
}

export interface NodeStatus {
  readonly name: string;
  readonly kind: NodeKind;
  /** Underlay address, where the node has one; of a server, its own address. */
  readonly address?: string;
  /** `starting` is what the record says; whether somebody is still at it, the lab's lock tells. */
  readonly state: 'running' | 'starting' | 'dead';
  readonly parts: readonly PartStatus[];
  readonly reason?: string;
}

/** A process that was started on a node by its user. */
export interface NodeProcess {
  readonly pid: number;
  readonly logFile: string;
}

/**
 * One node of a lab: a network namespace with the processes in it, a folder for its records, one for its sockets, and a
 * cgroup that holds all that it starts.
 */
export abstract class LabNode {
  readonly lab: string;
  /** Name of the node's network namespace. */
  readonly netns: string;
  readonly layout: NodeLayout;
  protected readonly machine: Machine;
  protected readonly records: NodeRecords;
  protected readonly parts: Parts;
  /** Everything the node starts; its containers too, where it has any. */
  readonly cgroup: Cgroup;
  protected readonly daemons: Cgroup;

  constructor(
    protected readonly context: LabContext,
    readonly name: string,
    readonly kind: NodeKind,
  ) {
    this.lab = context.options.name;
    this.netns = netnsName(this.lab, name);
    this.layout = context.layout.node(name);
    this.machine = context.machine;
    this.records = new NodeRecords(this.machine.files, this.layout);
    this.cgroup = context.cgroup.child(name);
    // Processes and sub-groups cannot share a cgroup of version 2, so the daemons have one beside the containers'.
    this.daemons = this.cgroup.child('daemons');
    this.parts = new Parts(this.machine, name, this.layout, this.records, this.daemons);
  }

  /** The underlay address of the node, where it has one and is made; of a server, its own address. */
  abstract address(): Promise<string | undefined>;

  /** The node's cables to the leaf, the one that it cannot do without first. */
  abstract readonly cables: readonly CableName[];

  /** Parts without which the node is not whole. */
  protected abstract readonly required: readonly PartName[];

  /** How a part is started now. @throws HeddleError when this node has no such part, or lacks what it stands on */
  protected abstract spec(part: PartName): Promise<PartSpec>;

  /** What is to be done once a part is ready, for the node to be as it was: addresses after a switch has started, say. */
  protected async afterStart(_part: PartName): Promise<void> {}

  /** Starts a part that does not run: one that was killed, or one that is only started now. */
  async start(part: PartName, signal?: AbortSignal): Promise<void> {
    const status = await this.parts.status(part);
    if (status.state === 'running') return;
    await this.step(`start ${part}`, async () => {
      // Its socket is gone, so nobody can reach it, but it may still hold what its successor needs.
      if (status.pid !== undefined && status.state === 'missing') await this.parts.signal(part, 'SIGKILL');
      await this.parts.start(await this.spec(part), this.partDeadlineMs, signal);
      await this.afterStart(part);
    });
  }

  /**
   * Sends a signal to a part, by default the one that ends it at once; then it is gone on return. Its record stays: the
   * lab counts as dead until {@link start}.
   * @returns whether it was running
   */
  kill(part: PartName, signal: NodeJS.Signals = 'SIGKILL'): Promise<boolean> {
    return this.parts.signal(part, signal);
  }

  /** The process id of a part, as last started. */
  async pid(part: PartName): Promise<number> {
    return (await this.parts.identity(part)).pid;
  }

  /** Path of a part's log. */
  logFile(part: PartName): string {
    return this.layout.log(part);
  }

  /** Runs a command on the node: in its network namespace, and its mount namespace where it has one, with `/` as its folder. */
  async exec(argv: readonly string[], options?: RunOptions): Promise<RunResult> {
    return this.machine.processes.run([...(await this.inside()), ...argv], options);
  }

  /**
   * Starts a process on the node, like {@link exec} but to stay, and waits until it is ready. It ends with the node, or by
   * {@link stop}; the node is whole without it. One of that name that still runs is left as it is.
   * @param name 1 to 20 of a-z 0-9 -, the first a letter
   * @param ready whether it does its work now; by default it does as soon as it is there
   * @throws HeddleError `unavailable` with the last lines of its log, when it ends or is not ready in time
   */
  async run(name: string, argv: readonly string[], ready = async (): Promise<boolean> => true): Promise<NodeProcess> {
    const part = runName(name);
    if ((await this.parts.status(part)).state !== 'running') {
      await this.step(`start ${name}`, async () =>
        this.parts.start({ part, argv: [...(await this.inside()), ...argv], ready }, this.partDeadlineMs),
      );
    }
    return { pid: await this.pid(part), logFile: this.logFile(part) };
  }

  /** Ends at once what {@link run} has started. Returns whether it was running. */
  stop(name: string): Promise<boolean> {
    return this.parts.forget(runName(name));
  }

  /** Cuts a cable, by default the one that the node cannot do without, as pulling it would. */
  disconnect(cable?: CableName): Promise<void> {
    return this.ip(['link', 'set', 'dev', this.link(cable), 'down']);
  }

  /** Undoes {@link disconnect}. */
  connect(cable?: CableName): Promise<void> {
    return this.ip(['link', 'set', 'dev', this.link(cable), 'up']);
  }

  /** The node's end of a cable: an interface in its namespace. @throws HeddleError `not-found` when it has no such cable */
  link(cable: CableName | undefined = this.cables[0]): string {
    if (cable !== undefined && this.cables.includes(cable)) return linkOf(this.lab, cable);
    const has = this.cables.length === 0 ? 'none' : this.cables.join(', ');
    throw new HeddleError('not-found', `${this.name} has no cable ${cable ?? 'to the leaf'}: it has ${has}`);
  }

  async status(): Promise<NodeStatus> {
    const { name, kind } = this;
    const loaded = await this.records.loadNode();
    if (loaded.state !== 'ok') {
      const reason = loaded.state === 'damaged' ? loaded.reason : 'its record is not there';
      return { name, kind, state: 'dead', parts: [], reason };
    }
    const record = loaded.value;
    const started = await this.records.parts();
    const names = [...new Set([...this.required, ...started.filter((part) => !isRun(part))])];
    const [address, things, processes, runs] = await Promise.all([
      this.address(),
      this.things(record),
      Promise.all(names.map((part) => this.parts.status(part))),
      Promise.all(started.filter(isRun).map((part) => this.parts.status(part))),
    ]);
    const needed = [...things, ...processes];
    const parts = [...needed, ...runs.filter((part) => part.state === 'running')];
    const down = needed.find((part) => part.state !== 'running');
    const state = record.phase === 'starting' ? 'starting' : down ? 'dead' : 'running';
    return {
      name,
      kind,
      ...(address ? { address } : {}),
      state,
      parts,
      ...(state === 'dead' && down ? { reason: `${down.name}: ${down.reason}` } : {}),
    };
  }

  /**
   * Makes record, cgroups, folders and namespace, in an order that leaves a trace of whatever may be left over.
   * @throws HeddleError `conflict` when there is a namespace of that name already, which then stays untouched
   */
  protected async prepare(record: Partial<NewRecord<NodeRecord>> = {}): Promise<void> {
    const { name, kind, layout } = this;
    const { files, namespaces } = this.machine;
    await this.checkNamespaceIsFree();
    await this.step('make namespace', async () => {
      await this.records.saveNode({ name, kind, phase: 'starting', ...record });
      await this.daemons.create();
      for (const folder of [layout.logs, layout.data, layout.parts]) await files.makeFolder(folder, 0o700);
      await this.makeRunFolder();
      await namespaces.add(this.netns);
      await this.records.updateNode({ netnsInode: await namespaces.inode(this.netns) });
      await this.ip(['link', 'set', 'dev', 'lo', 'up']);
    });
  }

  /** To be asked before anything is written down of the node: what is written down is cleared by name. */
  protected async checkNamespaceIsFree(): Promise<void> {
    if ((await this.machine.namespaces.inode(this.netns)) === undefined) return;
    throw new HeddleError(
      'conflict',
      `there is a network namespace ${this.netns} already, which is not of this lab: remove it, or give the lab another name`,
    );
  }

  protected async makeRunFolder(): Promise<void> {
    await this.machine.files.makeFolder(this.layout.run, 0o700);
    await this.machine.files.makeFolder(this.layout.ovsRun, 0o700);
  }

  /** Notes that the node is whole. */
  protected markUp(): Promise<void> {
    return this.records.updateNode({ phase: 'up' });
  }

  /** What was written down of the node before it was made. @throws HeddleError `state` when it is not there or damaged */
  protected async record(): Promise<NodeRecord> {
    return required(await this.records.loadNode(), this.layout.record);
  }

  /** The words before a command that let it run on the node. */
  protected async inside(): Promise<string[]> {
    return inNetns(this.netns);
  }

  /** Milliseconds that a part has to become ready. */
  private get partDeadlineMs(): number {
    return this.context.options.partDeadlineMs ?? DEFAULT_PART_DEADLINE_MS;
  }

  /** Commands of `ip` in the node's namespace. */
  protected ip(...commands: IpWords[]): Promise<void> {
    return this.machine.ip.batch(commands, this.netns);
  }

  /** Reports a step to the lab's watcher, and puts the node and the step before what it throws. */
  protected async step<T>(step: string, work: () => Promise<T>): Promise<T> {
    return runStep(this.context, this.name, step, work);
  }

  private async things(record: NodeRecord): Promise<PartStatus[]> {
    const { namespaces, files, ip } = this.machine;
    const things: PartStatus[] = [];
    if (!(await files.exists(this.layout.run))) {
      things.push({ name: 'run folder', state: 'missing', reason: `${this.layout.run} is gone` });
    }
    const inode = await namespaces.inode(this.netns);
    if (inode === undefined || inode !== record.netnsInode) {
      const reason = inode === undefined ? `${this.netns} is gone` : `${this.netns} is another one than was made`;
      things.push({ name: 'namespace', state: 'missing', reason });
    } else if (this.cables.length > 0) {
      const there = new Set((await ip.links(this.netns)).map((link) => link.ifname));
      const gone = this.cables.filter((cable) => !there.has(this.link(cable)));
      things.push(...gone.map((name) => ({ name, state: 'missing' as const, reason: `${this.link(name)} is gone` })));
    }
    return things;
  }
}

function runName(name: string): RunName {
  if (/^[a-z][a-z0-9-]{0,19}$/.test(name)) return `run-${name}`;
  throw new HeddleError('invalid', `a process of a node is named with 1 to 20 of a-z 0-9 -, not "${name}"`);
}

/** One step of making or ending a lab, reported as it begins and ends. */
export async function runStep<T>(
  context: Pick<LabContext, 'options' | 'machine'>,
  node: string | undefined,
  step: string,
  work: () => Promise<T>,
): Promise<T> {
  const { name: lab, onProgress } = context.options;
  const { clock } = context.machine;
  const started = clock.monotonic();
  const tell = (state: 'started' | 'done' | 'failed'): void => {
    const ms = state === 'started' ? undefined : Math.round(clock.monotonic() - started);
    onProgress?.({ lab, ...(node ? { node } : {}), step, state, ...(ms === undefined ? {} : { ms }) });
  };
  tell('started');
  try {
    const result = await work();
    tell('done');
    return result;
  } catch (error) {
    tell('failed');
    throw inStep(error, `lab ${[lab, node].filter(Boolean).join(', ')}, ${step}`);
  }
}

function inStep(error: unknown, where: string): unknown {
  if (!(error instanceof HeddleError) || error.message.startsWith('lab ')) return error;
  return new HeddleError(error.code, `${where}: ${error.message}`, { cause: error, retryable: error.retryable });
}

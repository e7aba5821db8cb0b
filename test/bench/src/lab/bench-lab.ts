import path from 'node:path';
import {
  hostSeed,
  labApi,
  machineLabs,
  waitUntilReady,
  whenReachable,
  type ChangeStatus,
  type HeddleApi,
  type LabPort,
} from '@heddle/cli';
import { DockerEngine } from '@heddle/docker';
import { SystemFiles, waitFor } from '@heddle/host';
import { Lab, type ControlNode, type HostNode } from '@heddle/lab';
import { HeddleError } from '@heddle/model';
import type { BenchContext } from '../bench';
import { StepTimes } from './steps';

/** Benches run one at a time, so that one name is enough; what a killed one left is cleared by the next. */
const NAME = 'bench';
/** The applications as they are built: benches measure what users run. */
const APPS = path.resolve(__dirname, '../../../apps');
const READY_MS = 60_000;
const SETTLE_MS = 180_000;
const LOOK_EVERY_MS = 50;

/** Milliseconds since the change was sent. */
export interface ChangeTimes {
  /** The change is in the log. */
  readonly accepted: number;
  /** Its policy is on the switches of all hosts. */
  readonly inForce: number;
  /** In force, and every service as it should be: nothing left to start, stop or replace. */
  readonly settled: number;
}

/** A lab of its own with everything in it as `heddle lab up` makes it. */
export class BenchLab {
  private readonly engines = new Map<string, DockerEngine>();

  private constructor(
    private readonly lab: LabPort,
    private readonly nodes: Lab,
    private readonly context: BenchContext,
    readonly api: HeddleApi,
    readonly hostNames: readonly string[],
    /** Seconds from nothing to all hosts ready, with the example image in their engines. */
    readonly upSeconds: number,
    readonly steps: ReadonlyMap<string, number>,
  ) {}

  /** Makes the lab. What an earlier run left is cleared before the time is taken. */
  static async up(hosts: number, context: BenchContext): Promise<BenchLab> {
    const { clock, signal } = context;
    const reach = { files: new SystemFiles(), clock, signal };
    const steps = new StepTimes(clock);
    const labs = machineLabs(APPS);
    await (await labs.open({ name: NAME })).down();
    const lab = await labs.open({
      name: NAME,
      hosts,
      credentials: (host, opened) => hostSeed(host, opened, reach),
      onProgress: steps.onProgress,
    });
    try {
      const started = clock.monotonic();
      const { nodes } = await lab.up(signal);
      await whenReachable(lab, reach);
      const api = await labApi(lab, reach);
      if (!api) throw new HeddleError('internal', `the control plane of lab ${NAME} left no token`);
      const names = nodes.filter(({ kind }) => kind === 'host').map(({ name }) => name);
      await Promise.all([
        steps.timed('lab: hosts ready', () =>
          waitUntilReady(api, { hosts: names, deadlineMs: READY_MS, clock, signal, onLook: () => undefined }),
        ),
        ...names.map((name) => steps.timed('host: make example image', () => lab.buildDemoImage(name))),
      ]);
      const seconds = (clock.monotonic() - started) / 1_000;
      return new BenchLab(
        lab,
        await Lab.open({ name: NAME, commands: {} }),
        context,
        api,
        names,
        seconds,
        steps.seconds,
      );
    } catch (error) {
      await lab.down();
      throw error;
    }
  }

  host(name: string): HostNode {
    return this.nodes.host(name);
  }

  get control(): ControlNode {
    return this.nodes.control;
  }

  async engine(host: string): Promise<DockerEngine> {
    const known = this.engines.get(host);
    if (known) return known;
    const engine = new DockerEngine({ socketPath: (await this.host(host).config()).docker.socket });
    this.engines.set(host, engine);
    return engine;
  }

  /** Applies a file of objects and waits until it is settled. */
  apply(objects: string): Promise<ChangeTimes> {
    return this.settled(() => this.api.apply({ name: 'the bench', text: objects }));
  }

  /** Sends a change and follows it until it is settled. */
  async settled(change: () => Promise<{ readonly position: number }>): Promise<ChangeTimes> {
    const { clock, signal } = this.context;
    const started = clock.monotonic();
    const { position } = await change();
    const accepted = clock.monotonic() - started;
    let inForce: number | undefined;
    let last: ChangeStatus | undefined;
    await waitFor(
      async () => {
        last = await this.api.changeStatus(position);
        const { policy } = last;
        if (policy.inForce === policy.hosts) inForce ??= clock.monotonic() - started;
        return last.settled;
      },
      {
        deadlineMs: SETTLE_MS,
        intervalMs: LOOK_EVERY_MS,
        what: () => `change ${position} to settle; last seen ${JSON.stringify(last)}`,
        clock,
        signal,
      },
    );
    const settled = clock.monotonic() - started;
    return { accepted, inForce: inForce ?? settled, settled };
  }

  /** Containers that run, as the engines say. */
  async running(): Promise<number> {
    const lists = await Promise.all(this.hostNames.map(async (host) => (await this.engine(host)).list()));
    return lists.reduce((sum, list) => sum + list.length, 0);
  }

  async down(): Promise<void> {
    for (const engine of this.engines.values()) engine.close();
    this.api.close();
    await this.lab.down();
  }
}

import { HeddleError } from '@heddle/model';
import { lastLines, waitFor, type Cgroup, type DaemonExit, type ProcessIdentity } from '@heddle/host';
import { partEnvironment } from './commands';
import type { NodeLayout } from './layout';
import type { Machine } from './machine';
import type { NodeRecords, PartName } from './records';

/** How many lines of a part's log an error repeats. */
const LOG_LINES = 15;
/** How long a process may take to be gone after SIGKILL. */
const END_DEADLINE_MS = 10_000;

/** How one part of a node is started. */
export interface PartSpec {
  readonly part: PartName;
  readonly argv: readonly string[];
  /** A file that is there as long as the part does its work; its absence later counts as the part's end. */
  readonly socket?: string;
  /** Whether the part does its work now. */
  readonly ready: () => Promise<boolean>;
}

export interface PartStatus {
  /** A process of the lab, or one of the things it stands on: `namespace`, `run folder`, or a cable such as `underlay`. */
  readonly name: string;
  /** `dead`: it was there and has ended. `missing`: it is not there though it should be. */
  readonly state: 'running' | 'dead' | 'missing';
  readonly pid?: number;
  /** Milliseconds since the epoch. */
  readonly startedAt?: number;
  readonly reason?: string;
}

/** The processes of one node. */
export class Parts {
  constructor(
    private readonly machine: Machine,
    private readonly node: string,
    private readonly layout: NodeLayout,
    private readonly records: NodeRecords,
    private readonly cgroup: Cgroup,
  ) {}

  /**
   * Starts a part and waits until it is ready.
   * @throws HeddleError `unavailable` with the last lines of its log, when it ends or is not ready in time
   */
  async start(spec: PartSpec, deadlineMs: number, signal?: AbortSignal): Promise<ProcessIdentity> {
    const { machine, layout, node } = this;
    const { part, argv, socket } = spec;
    const logFile = layout.log(part);
    try {
      const { identity, exited } = await machine.processes.spawnDaemon(argv, {
        logFile,
        env: partEnvironment(layout),
        cgroup: this.cgroup,
      });
      await this.records.savePart({ part, identity, argv, startedAt: machine.clock.now(), socket });
      let exit: DaemonExit | undefined;
      void exited.then((how) => (exit = how));
      await waitFor(
        async () => {
          if (exit) throw new HeddleError('unavailable', `${part} ended with ${exit.signal ?? `code ${exit.code}`}`);
          return spec.ready();
        },
        { deadlineMs, what: `${part} to be ready`, clock: machine.clock, signal },
      );
      return identity;
    } catch (cause) {
      if (signal?.aborted) throw cause;
      const said = lastLines((await machine.files.readText(logFile)) ?? '', LOG_LINES);
      const why = cause instanceof Error ? cause.message : String(cause);
      const log = said === '' ? ', and its log is empty' : `; the last lines of its log:\n${said}`;
      throw new HeddleError('unavailable', `${part} on ${node} did not start: ${why}${log}`, {
        cause,
        retryable: false,
      });
    }
  }

  /** The process of a part as recorded, running or not. @throws HeddleError `not-found` when it was never started */
  async identity(part: PartName): Promise<ProcessIdentity> {
    const loaded = await this.records.loadPart(part);
    if (loaded.state === 'ok') return loaded.value.identity;
    throw new HeddleError('not-found', `${part} was not started on ${this.node}`);
  }

  /** Sends a signal to a part; for SIGKILL waits until it is gone. Returns whether it was running. */
  async signal(part: PartName, signal: NodeJS.Signals): Promise<boolean> {
    const { processes, clock } = this.machine;
    const identity = await this.identity(part);
    const sent = await processes.signal(identity, signal);
    if (signal === 'SIGKILL') {
      await waitFor(async () => !(await processes.isAlive(identity)), {
        deadlineMs: END_DEADLINE_MS,
        intervalMs: 5,
        what: `${part} on ${this.node} to end`,
        clock,
      });
    }
    return sent;
  }

  /** Ends a part and forgets that it was ever started. Returns whether it was running. */
  async forget(part: PartName): Promise<boolean> {
    const loaded = await this.records.loadPart(part);
    const ended = loaded.state === 'ok' && (await this.signal(part, 'SIGKILL'));
    await this.records.removePart(part);
    return ended;
  }

  async status(part: PartName): Promise<PartStatus> {
    const loaded = await this.records.loadPart(part);
    if (loaded.state === 'absent') return { name: part, state: 'missing', reason: 'it was not started' };
    if (loaded.state === 'damaged') return { name: part, state: 'missing', reason: loaded.reason };
    const { identity, startedAt, socket } = loaded.value;
    const common = { name: part, pid: identity.pid, startedAt };
    if (!(await this.machine.processes.isAlive(identity))) {
      return { ...common, state: 'dead', reason: `process ${identity.pid} has ended` };
    }
    if (socket !== undefined && !(await this.machine.files.exists(socket))) {
      return { ...common, state: 'missing', reason: `${socket} is gone` };
    }
    return { ...common, state: 'running' };
  }
}

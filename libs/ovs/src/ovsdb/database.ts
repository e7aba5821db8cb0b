import { HeddleError, type ErrorCode } from '@heddle/model';
import { Deadline } from '../connection/deadline';
import { OvsdbClient, type Operation, type OvsdbClientOptions } from './client';
import * as operations from './operations';
import type { BridgeSpec, PortSpec } from './operations';
import type { Replica } from './replica';
import { optionalNumber, stringMap } from './values';
import {
  bridgePorts,
  bridgeState,
  findBridge,
  findPort,
  MONITORED,
  rootRow,
  type BridgeState,
  type PortEntry,
  type PortState,
} from './view';

const DATABASE = 'Open_vSwitch';
/** Milliseconds for a change and its confirmation by vswitchd. */
const DEFAULT_DEADLINE_MS = 10_000;
/** How often a change is worked out again when another client got in between. */
const ATTEMPTS = 5;

/** A live view: stop it when it is no longer needed. */
export interface Watch {
  close(): void;
}

/**
 * Bridges and ports of the Open vSwitch on this machine. Every `ensure` and `delete` may be repeated; each returns when
 * vswitchd has done what was asked, or fails at its deadline. Only what the caller names is changed: other bridges,
 * ports and keys of maps stay as they are.
 */
export class OvsDatabase {
  private constructor(
    readonly client: OvsdbClient,
    private readonly replica: Replica,
  ) {}

  /** Connects to the database server and reads the state of the switch. */
  static async connect(options: OvsdbClientOptions): Promise<OvsDatabase> {
    const client = new OvsdbClient(options);
    try {
      await client.connect();
      return new OvsDatabase(client, await client.monitor(DATABASE, MONITORED));
    } catch (error) {
      await client.close();
      throw error;
    }
  }

  close(): Promise<void> {
    return this.client.close();
  }

  /**
   * Makes the bridge be as specified and waits until the switch runs it.
   *
   * A bridge that this call created is taken away again when the switch cannot run it.
   *
   * @throws HeddleError `invalid` for its name; `conflict` when a bridge of that name has another datapath type,
   *   because changing it would drop all ports; `refused` when the switch cannot run it, as for `system` without
   *   kernel module.
   */
  async ensureBridge(spec: BridgeSpec, deadlineMs = DEFAULT_DEADLINE_MS): Promise<BridgeState> {
    checkName(spec.name);
    const deadline = new Deadline(deadlineMs);
    return this.attempts(deadline, async () => {
      const found = findBridge(this.replica, spec.name);
      const actual = found && bridgeState(found[1]);
      if (actual && actual.datapathType !== spec.datapathType) {
        throw new HeddleError(
          'conflict',
          `bridge ${spec.name} has datapath type ${actual.datapathType}, wanted is ${spec.datapathType}; ` +
            'delete the bridge first if nothing else uses it',
          { retryable: false },
        );
      }
      const change = found
        ? operations.updateBridge(found[0], bridgeState(found[1]), spec)
        : operations.insertBridge(this.root(), spec);
      if (change.length > 0 || !this.isRunning(spec.name)) {
        await this.commit(change, deadline);
        if (!this.isRunning(spec.name)) await this.reportDeadBridge(spec, actual === undefined, deadline);
      }
      return bridgeState(this.requireBridge(spec.name)[1]);
    });
  }

  /** Deletes the bridge with all its ports. Without effect when there is none. */
  async deleteBridge(name: string, deadlineMs = DEFAULT_DEADLINE_MS): Promise<void> {
    const deadline = new Deadline(deadlineMs);
    await this.attempts(deadline, async () => {
      const found = findBridge(this.replica, name);
      if (found) await this.commit(operations.deleteBridge(this.root(), found[0]), deadline);
    });
  }

  /** Every bridge, also of others. */
  async listBridges(deadlineMs?: number): Promise<BridgeState[]> {
    await this.client.connect(deadlineMs);
    return [...this.replica.table('Bridge').values()].map(bridgeState);
  }

  /** Settings of the whole switch, such as `userspace-tso-enable`. */
  async otherConfig(deadlineMs?: number): Promise<Readonly<Record<string, string>>> {
    await this.client.connect(deadlineMs);
    return stringMap(rootRow(this.replica)?.[1]['other_config']);
  }

  /**
   * Makes the port be as specified and waits until the switch has given it an OpenFlow port number.
   *
   * A port that this call created is taken away again when the switch cannot use its device.
   *
   * @throws HeddleError `not-found` without the bridge or the device, `conflict` when the port is on another bridge,
   *   `refused` when the switch cannot use the device, `deadline` when the switch does not answer: the port then stays
   *   in the database and the call can be repeated.
   */
  async ensurePort(spec: PortSpec, deadlineMs = DEFAULT_DEADLINE_MS): Promise<PortState> {
    checkName(spec.name);
    const deadline = new Deadline(deadlineMs);
    return this.attempts(deadline, async () => {
      const [bridge] = this.requireBridge(spec.bridge);
      const actual = findPort(this.replica, spec.name);
      if (actual && actual.state.bridge !== spec.bridge) {
        throw new HeddleError(
          'conflict',
          `port ${spec.name} is on bridge ${actual.state.bridge}, wanted on ${spec.bridge}; delete it there first`,
          { retryable: false },
        );
      }
      const change = actual ? operations.updatePort(actual, spec) : operations.insertPort(bridge, spec);
      if (actual && change.length === 0 && isUsable(actual)) return actual.state;
      await this.commit(change, deadline);
      return this.usablePort(spec.name, actual === undefined, deadline);
    });
  }

  /** Deletes the port and waits until the switch has let go of its device. Without effect when there is none. */
  async deletePort(name: string, deadlineMs = DEFAULT_DEADLINE_MS): Promise<void> {
    const deadline = new Deadline(deadlineMs);
    await this.attempts(deadline, async () => {
      const actual = findPort(this.replica, name);
      if (actual) await this.commit(operations.deletePort(actual), deadline);
    });
  }

  /** The ports of a bridge by name, its local port among them. */
  async listPorts(bridge: string, deadlineMs?: number): Promise<PortState[]> {
    await this.client.connect(deadlineMs);
    this.requireBridge(bridge);
    return bridgePorts(this.replica, bridge).map(({ state }) => state);
  }

  /**
   * Calls back with all ports of the bridge, at once and after every change of one of them. While there is no bridge of
   * that name the list is empty.
   */
  watchPorts(bridge: string, callback: (ports: readonly PortState[]) => void): Watch {
    let reported: string | undefined;
    const report = (): void => {
      const ports = bridgePorts(this.replica, bridge).map(({ state }) => state);
      const text = JSON.stringify(ports);
      if (text === reported) return;
      reported = text;
      callback(ports);
    };
    this.replica.on('change', report);
    report();
    return { close: () => void this.replica.off('change', report) };
  }

  /** Sets keys of a bridge's or a port's external ids, and removes those whose value is null. Other keys stay. */
  async setExternalIds(
    target: { readonly bridge: string } | { readonly port: string },
    ids: Readonly<Record<string, string | null>>,
    deadlineMs = DEFAULT_DEADLINE_MS,
  ): Promise<void> {
    const deadline = new Deadline(deadlineMs);
    await this.client.connect(deadline.remaining());
    let change: Operation[];
    if ('bridge' in target) {
      const [id, row] = this.requireBridge(target.bridge);
      const mutations = operations.mapMutations('external_ids', ids, bridgeState(row).externalIds);
      change = operations.mutateRow('Bridge', id, mutations);
    } else {
      const entry = findPort(this.replica, target.port);
      if (entry === undefined) throw new HeddleError('not-found', `no port ${target.port} on any bridge`);
      const mutations = operations.mapMutations('external_ids', ids, entry.state.externalIds);
      change = operations.mutateRow('Port', entry.portUuid, mutations);
    }
    if (change.length > 0) await this.client.transact(DATABASE, change, deadline.remaining());
  }

  private root(): string {
    const root = rootRow(this.replica);
    if (root) return root[0];
    throw new HeddleError('state', 'the OVS database is empty: initialise it with `ovs-vsctl --no-wait init`');
  }

  private requireBridge(name: string): NonNullable<ReturnType<typeof findBridge>> {
    const found = findBridge(this.replica, name);
    if (found) return found;
    const names = [...this.replica.table('Bridge').values()].map((row) => String(row['name']));
    throw new HeddleError('not-found', `no bridge ${name}; there is ${names.join(', ') || 'none'}`);
  }

  /** Works the change out again when another client changed the same rows in between. */
  private async attempts<T>(deadline: Deadline, change: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      await this.client.connect(deadline.remaining());
      try {
        return await change();
      } catch (error) {
        const again = error instanceof Interference && attempt < ATTEMPTS;
        if (!again) throw error instanceof Interference ? error.cause : error;
      }
    }
  }

  /** Commits a change and waits until vswitchd says that it has taken it up. */
  private async commit(change: readonly Operation[], deadline: Deadline): Promise<void> {
    let confirmation: number | undefined;
    try {
      const all = [...change, ...operations.requestConfirmation(this.root())];
      const results = await this.client.transact(DATABASE, all, deadline.remaining());
      confirmation = optionalNumber(results.at(-1)?.rows?.[0]?.['next_cfg']);
    } catch (error) {
      if (error instanceof HeddleError && error.code === 'conflict') throw new Interference(error);
      throw error;
    }
    const wanted = confirmation ?? 0;
    const current = (): number => optionalNumber(rootRow(this.replica)?.[1]['cur_cfg']) ?? 0;
    await this.until(() => current() >= wanted, deadline, 'waiting for ovs-vswitchd to take up the change');
  }

  /** vswitchd numbers the local port of every bridge that it runs, before it confirms a change. */
  private isRunning(bridge: string): boolean {
    const local = findPort(this.replica, bridge);
    return local !== undefined && isUsable(local);
  }

  private async reportDeadBridge(spec: BridgeSpec, created: boolean, deadline: Deadline): Promise<never> {
    const reason = findPort(this.replica, spec.name)?.state.error ?? 'its log says why';
    if (created) await this.commit(operations.deleteBridge(this.root(), this.requireBridge(spec.name)[0]), deadline);
    throw new HeddleError(
      'refused',
      `ovs-vswitchd cannot run bridge ${spec.name} with datapath type ${spec.datapathType}: ${reason}`,
    );
  }

  private async usablePort(name: string, created: boolean, deadline: Deadline): Promise<PortState> {
    let entry: PortEntry | undefined;
    await this.until(
      () => {
        entry = findPort(this.replica, name);
        return entry === undefined || isUsable(entry) || isRefused(entry);
      },
      deadline,
      `waiting for the port number of ${name}`,
    );
    if (entry === undefined) throw new HeddleError('conflict', `port ${name} was deleted while it was being added`);
    if (isUsable(entry)) return entry.state;
    if (created) await this.commit(operations.deletePort(entry), deadline);
    const reason = entry.state.error ?? 'no reason given';
    throw new HeddleError(refusalCode(reason), `the switch cannot use port ${name}: ${reason}`);
  }

  private async until(condition: () => boolean, deadline: Deadline, what: string): Promise<void> {
    if (condition()) return;
    let check: (() => void) | undefined;
    const met = new Promise<void>((resolve) => {
      check = () => {
        if (condition()) resolve();
      };
      this.replica.on('change', check);
    });
    try {
      await deadline.bound(met, what);
    } finally {
      if (check) this.replica.off('change', check);
    }
  }
}

/** The database refused a transaction because the rows were no longer as it assumed. */
class Interference extends Error {
  constructor(override readonly cause: HeddleError) {
    super(cause.message);
  }
}

/** vswitchd cuts longer names off for the network device, and puts a bridge's name into the path of its socket. */
const NAME = /^[^\s/]{1,15}$/;

function checkName(name: string): void {
  if (NAME.test(name) && Buffer.byteLength(name) <= 15) return;
  throw new HeddleError(
    'invalid',
    `"${name}" names no bridge or port: 1 to 15 bytes, without blanks and slashes, are allowed`,
  );
}

function isUsable({ state }: PortEntry): boolean {
  return state.ofport !== undefined && state.error === undefined;
}

/** vswitchd writes -1 when it tried and failed. */
function isRefused(entry: PortEntry): boolean {
  return optionalNumber(entry.interface['ofport']) === -1;
}

function refusalCode(reason: string): ErrorCode {
  if (reason.includes('No such device')) return 'not-found';
  if (reason.includes('File exists')) return 'conflict';
  return 'refused';
}

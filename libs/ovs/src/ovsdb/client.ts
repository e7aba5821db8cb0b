import { EventEmitter } from 'node:events';
import { HeddleError } from '@heddle/model';
import { Deadline } from '../connection/deadline';
import { Reconnector, type Backoff } from '../connection/reconnector';
import { connectUnix } from '../connection/unix-socket';
import { JsonRpcSession } from '../jsonrpc/session';
import { requestError, transactionError } from './errors';
import { Replica, type MonitoredTables, type TableUpdates } from './replica';
import type { Row, Value } from './values';

/** The operations of RFC 7047, section 5.2, as far as they are used here. */
export type Condition = readonly [column: string, comparison: '==' | '!=' | 'includes' | 'excludes', value: Value];
export type Mutation = readonly [column: string, mutator: 'insert' | 'delete' | '+=' | '-=', value: Value];
export type Operation =
  | { readonly op: 'insert'; readonly table: string; readonly row: Row; readonly 'uuid-name'?: string }
  | {
      readonly op: 'select';
      readonly table: string;
      readonly where: readonly Condition[];
      readonly columns?: readonly string[];
    }
  | { readonly op: 'update'; readonly table: string; readonly where: readonly Condition[]; readonly row: Row }
  | {
      readonly op: 'mutate';
      readonly table: string;
      readonly where: readonly Condition[];
      readonly mutations: readonly Mutation[];
    }
  | { readonly op: 'delete'; readonly table: string; readonly where: readonly Condition[] }
  | {
      readonly op: 'wait';
      readonly table: string;
      readonly where: readonly Condition[];
      readonly columns: readonly string[];
      readonly until: '==' | '!=';
      readonly rows: readonly Row[];
      /** Milliseconds; 0 checks once. */
      readonly timeout: number;
    }
  | { readonly op: 'comment'; readonly comment: string };

/** What an operation gave: `uuid` for an insert, `rows` for a select, `count` for the rest. */
export interface OperationResult {
  readonly uuid?: readonly ['uuid', string];
  readonly rows?: readonly Row[];
  readonly count?: number;
}

export interface OvsdbClientOptions {
  /** The server's Unix socket, usually `/run/openvswitch/db.sock`. */
  readonly socketPath: string;
  /** Milliseconds for a request that says nothing else. */
  readonly deadlineMs?: number;
  readonly backoff?: Backoff;
  /** Give the server up after twice this silence. */
  readonly probeIntervalMs?: number;
}

interface Events {
  connected: [];
  disconnected: [reason: Error];
}

interface Monitor {
  readonly database: string;
  readonly replica: Replica;
}

const DEFAULT_DEADLINE_MS = 5_000;
const DEFAULT_PROBE_MS = 5_000;

/**
 * A client of an OVSDB server (RFC 7047) that stays connected: it reconnects with backoff and re-establishes its
 * monitors before it reports `connected`. Every request has a deadline, which includes waiting for a connection.
 */
export class OvsdbClient extends EventEmitter<Events> {
  private readonly link: Reconnector<JsonRpcSession>;
  private readonly monitors = new Map<string, Monitor>();
  private nextMonitor = 1;

  constructor(private readonly options: OvsdbClientOptions) {
    super();
    this.link = new Reconnector(`the OVS database at ${options.socketPath}`, (d) => this.open(d), options.backoff);
    this.link.on('connected', () => this.emit('connected'));
    this.link.on('disconnected', (reason) => this.emit('disconnected', reason));
  }

  get connected(): boolean {
    return this.link.connected;
  }

  /** Starts connecting and waits until a connection stands. */
  async connect(deadlineMs = this.defaultDeadline): Promise<void> {
    await this.link.session(new Deadline(deadlineMs));
  }

  /** Ends the connection and every request that waits for an answer. */
  close(): Promise<void> {
    return this.link.stop();
  }

  /** The names of the server's databases. */
  async listDbs(deadlineMs?: number): Promise<string[]> {
    return (await this.request('list_dbs', [], deadlineMs)) as string[];
  }

  /** The schema of a database, as RFC 7047 section 3.2 defines it. */
  async getSchema(database: string, deadlineMs?: number): Promise<Record<string, unknown>> {
    return (await this.request('get_schema', [database], deadlineMs)) as Record<string, unknown>;
  }

  /** One round trip that changes nothing. */
  async echo(deadlineMs?: number): Promise<void> {
    await this.request('echo', [], deadlineMs);
  }

  /**
   * Executes operations as one transaction: all of them or none.
   *
   * @returns one result for each operation.
   * @throws HeddleError that names the operation and what the server said about it.
   */
  async transact(database: string, operations: readonly Operation[], deadlineMs?: number): Promise<OperationResult[]> {
    const results = (await this.request('transact', [database, ...operations], deadlineMs)) as OperationResult[];
    const error = transactionError(results, operations);
    if (error) throw error;
    return results;
  }

  /** A copy of some columns that follows the database, over reconnects too, until the client is closed. */
  async monitor(database: string, tables: MonitoredTables, deadlineMs = this.defaultDeadline): Promise<Replica> {
    const deadline = new Deadline(deadlineMs);
    const session = await this.link.session(deadline);
    const id = `monitor-${this.nextMonitor++}`;
    const monitor = { database, replica: new Replica(tables) };
    this.monitors.set(id, monitor);
    try {
      await this.establish(session, id, monitor, deadline);
    } catch (error) {
      this.monitors.delete(id);
      throw requestError(error, `monitor ${Object.keys(tables).join(', ')}`);
    }
    return monitor.replica;
  }

  private get defaultDeadline(): number {
    return this.options.deadlineMs ?? DEFAULT_DEADLINE_MS;
  }

  private async request(method: string, params: unknown, deadlineMs = this.defaultDeadline): Promise<unknown> {
    const deadline = new Deadline(deadlineMs);
    const session = await this.link.session(deadline);
    try {
      return await session.request(method, params, deadline);
    } catch (error) {
      throw requestError(error, method);
    }
  }

  private async open(deadline: Deadline): Promise<JsonRpcSession> {
    const { socketPath, probeIntervalMs = DEFAULT_PROBE_MS } = this.options;
    const session = new JsonRpcSession(await connectUnix(socketPath, deadline), {
      peer: 'the OVS database',
      probeIntervalMs,
      onNotification: (method, params) => this.notified(method, params),
    });
    try {
      for (const [id, monitor] of this.monitors) await this.establish(session, id, monitor, deadline);
      return session;
    } catch (error) {
      session.close(HeddleError.from(error));
      throw error;
    }
  }

  private async establish(session: JsonRpcSession, id: string, monitor: Monitor, deadline: Deadline): Promise<void> {
    const requests = Object.fromEntries(
      Object.entries(monitor.replica.monitored).map(([table, columns]) => [table, { columns }]),
    );
    await session.request('monitor', [monitor.database, id, requests], deadline, (initial) =>
      monitor.replica.reset(initial as TableUpdates),
    );
  }

  private notified(method: string, params: unknown): void {
    if (method !== 'update' || !Array.isArray(params)) return;
    const [id, updates] = params as [string, TableUpdates];
    this.monitors.get(id)?.replica.update(updates);
  }
}

import { EventEmitter } from 'node:events';
import type { Row } from './values';

/** The columns to follow, for each table. */
export type MonitoredTables = Readonly<Record<string, readonly string[]>>;

/** One row that came, changed or went: `before` is missing for a new row, `after` for one that is gone. */
export interface RowChange {
  readonly table: string;
  readonly uuid: string;
  readonly before?: Row;
  readonly after?: Row;
}

/** The `table-updates` of RFC 7047, section 4.1.6. */
export type TableUpdates = Readonly<
  Record<string, Readonly<Record<string, { readonly old?: Row; readonly new?: Row }>>>
>;

interface Events {
  change: [changes: readonly RowChange[]];
}

const EMPTY: ReadonlyMap<string, Row> = new Map();

/**
 * A copy of some tables of a database, kept up to date by a monitor. After a reconnect it is compared with the new
 * initial state, so listeners see what happened meanwhile as ordinary changes.
 */
export class Replica extends EventEmitter<Events> {
  private tables = new Map<string, Map<string, Row>>();

  constructor(readonly monitored: MonitoredTables) {
    super();
    this.setMaxListeners(0);
  }

  /** The rows of a table by their uuid. */
  table(name: string): ReadonlyMap<string, Row> {
    return this.tables.get(name) ?? EMPTY;
  }

  /** Applies the changes that the server reports. */
  update(updates: TableUpdates): void {
    const changes: RowChange[] = [];
    for (const [table, rows] of Object.entries(updates)) {
      const copy = this.writable(table);
      for (const [uuid, { new: after }] of Object.entries(rows)) {
        const before = copy.get(uuid);
        if (after === undefined) copy.delete(uuid);
        else copy.set(uuid, after);
        changes.push({ table, uuid, before, after });
      }
    }
    this.report(changes);
  }

  /** Takes the initial state of a new monitor in place of everything known. */
  reset(updates: TableUpdates): void {
    const previous = this.tables;
    this.tables = new Map();
    const changes: RowChange[] = [];
    for (const [table, rows] of Object.entries(updates)) {
      const copy = this.writable(table);
      for (const [uuid, { new: after }] of Object.entries(rows)) {
        if (after === undefined) continue;
        copy.set(uuid, after);
        const before = previous.get(table)?.get(uuid);
        if (before === undefined || JSON.stringify(before) !== JSON.stringify(after)) {
          changes.push({ table, uuid, before, after });
        }
      }
    }
    for (const [table, rows] of previous) {
      for (const [uuid, before] of rows) {
        if (!this.table(table).has(uuid)) changes.push({ table, uuid, before });
      }
    }
    this.report(changes);
  }

  private writable(table: string): Map<string, Row> {
    let rows = this.tables.get(table);
    if (rows === undefined) {
      rows = new Map();
      this.tables.set(table, rows);
    }
    return rows;
  }

  private report(changes: readonly RowChange[]): void {
    if (changes.length > 0) this.emit('change', changes);
  }
}

import type { LinkNames } from '../../link/protocol';

/** Where names lead: the newest that the agent told. */
export class NameTable {
  private records: ReadonlyMap<string, readonly string[]> | undefined;

  /** By `tenant/application/service`; undefined until the agent told: then no name can be said not to exist. */
  get current(): ReadonlyMap<string, readonly string[]> | undefined {
    return this.records;
  }

  replace(names: LinkNames): void {
    this.records = new Map(Object.entries(names));
  }
}

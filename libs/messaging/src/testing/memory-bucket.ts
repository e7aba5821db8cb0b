import { HeddleError } from '@heddle/model';
import type { CasBucketPort, CasEntry } from '../lease/cas-bucket';

/** A {@link CasBucketPort} in memory. */
export class MemoryCasBucket implements CasBucketPort {
  private readonly entries = new Map<string, CasEntry>();
  private revision = 0;
  up = true;

  async get(key: string): Promise<CasEntry | undefined> {
    this.reach();
    return this.entries.get(key);
  }

  async put(key: string, value: unknown, revision: number, _timeoutMs: number): Promise<number> {
    this.reach();
    if ((this.entries.get(key)?.revision ?? 0) !== revision) {
      throw new HeddleError('conflict', `${key} has been written by somebody else since`);
    }
    this.entries.set(key, { value: structuredClone(value), revision: ++this.revision });
    return this.revision;
  }

  /** The server comes back with nothing. */
  wipe(): void {
    this.entries.clear();
  }

  private reach(): void {
    if (!this.up) throw new HeddleError('unavailable', 'not connected');
  }
}

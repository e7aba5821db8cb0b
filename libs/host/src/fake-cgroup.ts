import { HeddleError } from '@heddle/model';
import type { Cgroup } from './cgroup';

/** The cgroups of a machine that exists only in memory: path to the pids directly in it. */
export type FakeCgroupTree = Map<string, Set<number>>;

/** A cgroup in memory. Put pids into `tree` to say what runs in it. */
export class FakeCgroup implements Cgroup {
  /** Pids that {@link killAll} ended, of this cgroup and those made from it by {@link child}. */
  readonly killed: number[];

  constructor(
    readonly path: string,
    readonly tree: FakeCgroupTree = new Map(),
    killed: number[] = [],
  ) {
    this.killed = killed;
  }

  get procsFiles(): readonly string[] {
    return [`/sys/fs/cgroup${this.path}/cgroup.procs`];
  }

  async create(): Promise<void> {
    if (!this.tree.has(this.path)) this.tree.set(this.path, new Set());
  }

  async exists(): Promise<boolean> {
    return this.below().length > 0;
  }

  child(name: string): FakeCgroup {
    return new FakeCgroup(`${this.path}/${name}`, this.tree, this.killed);
  }

  async children(): Promise<string[]> {
    const names = this.below().flatMap((path) => path.slice(this.path.length + 1).split('/')[0] || []);
    return [...new Set(names)].sort();
  }

  async pids(): Promise<number[]> {
    return this.below()
      .flatMap((path) => [...(this.tree.get(path) ?? [])])
      .sort((a, b) => a - b);
  }

  async killAll(_deadlineMs: number): Promise<void> {
    this.killed.push(...(await this.pids()));
    for (const path of this.below()) this.tree.get(path)?.clear();
  }

  async remove(): Promise<void> {
    const pids = await this.pids();
    if (pids.length > 0) throw new HeddleError('refused', `processes are still in ${this.path}: ${pids.join(', ')}`);
    for (const path of this.below()) this.tree.delete(path);
  }

  async removeIfEmpty(): Promise<void> {
    if (this.below().length === 1 && (await this.pids()).length === 0) this.tree.delete(this.path);
  }

  private below(): string[] {
    return [...this.tree.keys()].filter((path) => path === this.path || path.startsWith(`${this.path}/`));
  }
}

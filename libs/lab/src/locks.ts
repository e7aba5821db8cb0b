import { MachineLock } from '@heddle/host';

/** How long a command waits for another one that is at work on the same lab. */
const DEADLINE_MS = 120_000;

/**
 * What keeps processes apart that are at work on one lab: a lock for what concerns all of it, and one for each node alone. They
 * are always taken in this order, those of several nodes in the order of their names, the leaf's after those of hosts and servers.
 */
export class LabLocks {
  constructor(
    private readonly lab: string,
    private readonly scope: string,
  ) {}

  /** Takes a node's lock, or without a name the lab's. @throws HeddleError `unavailable` when another keeps it for too long */
  take(purpose: string, node?: string): Promise<MachineLock> {
    return MachineLock.acquire(this.name(node), {
      deadlineMs: DEADLINE_MS,
      purpose: `lab ${purpose}, process ${process.pid}`,
    });
  }

  /** Holds the lab's lock while the work is done. */
  async withLab<T>(purpose: string, work: () => Promise<T>): Promise<T> {
    const lock = await this.take(purpose);
    try {
      return await work();
    } finally {
      await lock.release();
    }
  }

  /** Holds the locks of these nodes while the work is done. */
  async withNodes<T>(purpose: string, nodes: Iterable<string>, work: () => Promise<T>): Promise<T> {
    const locks: MachineLock[] = [];
    try {
      for (const node of [...new Set(nodes)].sort()) locks.push(await this.take(purpose, node));
      return await work();
    } finally {
      for (const lock of locks) await lock.release();
    }
  }

  /** What a node's lock is held for now, or without a name the lab's; nothing when it is free. */
  holder(node?: string): Promise<string | undefined> {
    return MachineLock.holder(this.name(node));
  }

  private name(node?: string): string {
    return ['lab', this.lab, this.scope, ...(node === undefined ? [] : [node])].join(':');
  }
}

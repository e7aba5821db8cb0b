import { HeddleError } from '@heddle/model';
import { netnsPath, type NetworkNamespaces } from './netns';

/** Network namespaces in memory. */
export class FakeNetworkNamespaces implements NetworkNamespaces {
  private readonly inodes = new Map<string, number>();
  private nextInode = 4_026_532_000;

  async add(name: string): Promise<void> {
    netnsPath(name);
    if (this.inodes.has(name)) throw new HeddleError('conflict', `there is a network namespace ${name} already`);
    this.inodes.set(name, this.nextInode++);
  }

  async remove(name: string): Promise<void> {
    this.inodes.delete(name);
  }

  async inode(name: string): Promise<number | undefined> {
    return this.inodes.get(name);
  }

  async list(): Promise<string[]> {
    return [...this.inodes.keys()].sort();
  }
}

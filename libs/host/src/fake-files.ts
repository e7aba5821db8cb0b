import path from 'node:path';
import type { Files, WriteOptions } from './files';
import { parseJson } from './system-files';

/** Files that exist only in memory; folders are there when a file in them is, or when they were made. */
export class FakeFiles implements Files {
  private readonly files = new Map<string, { text: string; mode: number }>();
  private readonly folders = new Set<string>();

  /** Set to make the next writes fail, as a full disk would. */
  writeError?: Error;

  async readText(file: string): Promise<string | undefined> {
    return this.files.get(path.normalize(file))?.text;
  }

  async readJson(file: string): Promise<unknown> {
    const text = await this.readText(file);
    return text === undefined ? undefined : parseJson(text, file);
  }

  async writeAtomic(file: string, data: string | Uint8Array, options: WriteOptions = {}): Promise<void> {
    if (this.writeError) throw this.writeError;
    const text = typeof data === 'string' ? data : Buffer.from(data).toString('utf8');
    await this.makeFolder(path.dirname(file));
    this.files.set(path.normalize(file), { text, mode: options.mode ?? 0o600 });
  }

  async list(folder: string): Promise<string[]> {
    const prefix = `${path.normalize(folder)}/`;
    const names = [...this.files.keys(), ...this.folders]
      .filter((name) => name.startsWith(prefix))
      .map((name) => name.slice(prefix.length).split('/')[0] ?? '');
    return [...new Set(names)].sort();
  }

  async exists(file: string): Promise<boolean> {
    const name = path.normalize(file);
    return this.files.has(name) || this.folders.has(name);
  }

  async makeFolder(folder: string): Promise<void> {
    for (let name = path.normalize(folder); name !== '/' && name !== '.'; name = path.dirname(name)) {
      this.folders.add(name);
    }
  }

  async remove(file: string): Promise<void> {
    const name = path.normalize(file);
    const isPart = (key: string): boolean => key === name || key.startsWith(`${name}/`);
    for (const key of [...this.files.keys()].filter(isPart)) this.files.delete(key);
    for (const key of [...this.folders].filter(isPart)) this.folders.delete(key);
  }

  /** Permission bits a file was written with. */
  mode(file: string): number | undefined {
    return this.files.get(path.normalize(file))?.mode;
  }
}

import { randomBytes } from 'node:crypto';
import { access, chmod, mkdir, open, readFile, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { HeddleError } from '@heddle/model';
import { isErrno } from './errno';
import type { Files, WriteOptions } from './files';

/** Files of this machine. */
export class SystemFiles implements Files {
  async readText(file: string): Promise<string | undefined> {
    return absentAsUndefined(readFile(file, 'utf8'));
  }

  async readJson(file: string): Promise<unknown> {
    const text = await this.readText(file);
    return text === undefined ? undefined : parseJson(text, file);
  }

  async writeAtomic(file: string, data: string | Uint8Array, options: WriteOptions = {}): Promise<void> {
    const { mode = 0o600 } = options;
    const folder = path.dirname(file);
    await mkdir(folder, { recursive: true });
    const temporary = path.join(folder, `.${path.basename(file)}.${randomBytes(6).toString('hex')}.tmp`);
    try {
      const handle = await open(temporary, 'wx', mode);
      try {
        await handle.chmod(mode);
        await handle.writeFile(data);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(temporary, file);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
    await syncFolder(folder);
  }

  async list(folder: string): Promise<string[]> {
    return ((await absentAsUndefined(readdir(folder))) ?? []).sort();
  }

  async exists(file: string): Promise<boolean> {
    return (await absentAsUndefined(access(file).then(() => true))) ?? false;
  }

  async makeFolder(folder: string, mode = 0o755): Promise<void> {
    const made = await mkdir(folder, { recursive: true });
    if (made !== undefined) await chmod(folder, mode);
  }

  async remove(file: string): Promise<void> {
    // Retries: a file system that a dying container had mounted below may take a moment to let go.
    await rm(file, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Parses JSON; the error names the file. */
export function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new HeddleError('state', `${file} does not hold JSON: ${why}`, { cause });
  }
}

async function absentAsUndefined<T>(read: Promise<T>): Promise<T | undefined> {
  try {
    return await read;
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}

/** A rename is on the disk only when its folder is. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

import { createHash } from 'node:crypto';
import type { Files } from './files';

/** What was found where a value had been saved. */
export type Loaded<T> =
  | { readonly state: 'ok'; readonly value: T }
  | { readonly state: 'absent' }
  /** The file is there, but is not what was written: cut off, changed, or of a form that `parse` refuses. */
  | { readonly state: 'damaged'; readonly reason: string };

/**
 * One value kept in one file, with the SHA-256 of its bytes in the first line. Saving replaces the file atomically;
 * loading believes only what carries its own hash, and says so otherwise instead of guessing.
 *
 * Saves that arrive while one is being written are joined: the newest value is written once, and all of them resolve
 * when a value at least as new as theirs is on the disk.
 */
export class HashedFile<T> {
  private writing?: Promise<void>;
  private next?: { value: T; written: Promise<void> };

  /**
   * @param parse turns what JSON gave into the value, throwing when it is not of that form
   */
  constructor(
    private readonly files: Files,
    readonly path: string,
    private readonly parse: (json: unknown) => T,
  ) {}

  async load(): Promise<Loaded<T>> {
    const text = await this.files.readText(this.path);
    if (text === undefined) return { state: 'absent' };
    const end = text.indexOf('\n');
    const header = /^sha256 ([0-9a-f]{64})$/.exec(end < 0 ? text : text.slice(0, end));
    if (!header) return this.damaged('its first line is not a hash');
    const body = text.slice(end + 1);
    if (sha256(body) !== header[1]) return this.damaged('its content does not have the hash in its first line');
    try {
      return { state: 'ok', value: this.parse(JSON.parse(body)) };
    } catch (error) {
      return this.damaged(error instanceof Error ? error.message : String(error));
    }
  }

  /** Resolves when `value`, or a newer one, is on the disk. */
  save(value: T): Promise<void> {
    if (this.writing === undefined) {
      this.writing = this.write(value).finally(() => (this.writing = undefined));
      return this.writing;
    }
    if (this.next) {
      this.next.value = value;
      return this.next.written;
    }
    const previous = this.writing;
    const next = { value, written: Promise.resolve() };
    next.written = previous
      // Its own caller hears of a failure; this save is a new attempt.
      .catch(() => undefined)
      .then(() => {
        this.next = undefined;
        return this.save(next.value);
      });
    this.next = next;
    return next.written;
  }

  private write(value: T): Promise<void> {
    const body = JSON.stringify(value);
    return this.files.writeAtomic(this.path, `sha256 ${sha256(body)}\n${body}`);
  }

  private damaged(reason: string): Loaded<T> {
    return { state: 'damaged', reason: `${this.path}: ${reason}` };
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}

import { HeddleError } from '@heddle/model';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const WHITE_SPACE: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d]);

const DEFAULT_LIMIT = 256 * 1024 * 1024;

/**
 * Cuts a byte stream into JSON objects. OVSDB and unixctl put nothing between the objects, so their ends are found by
 * counting braces outside strings. Every byte is looked at once, however the stream is cut into chunks. Bytes of
 * multi-byte characters are all above 0x7f, so the scan needs no decoding and a character may be split anywhere.
 */
export class JsonFramer {
  private chunks: Buffer[] = [];
  private length = 0;
  private depth = 0;
  private inString = false;
  private escaped = false;

  /** @param limit the most bytes one object may have. */
  constructor(private readonly limit = DEFAULT_LIMIT) {}

  /**
   * The objects that `chunk` completes.
   *
   * @throws HeddleError `invalid` for bytes that are not JSON objects, `limit` for an object that is too long. The
   *   stream cannot be continued after either.
   */
  push(chunk: Buffer): unknown[] {
    const complete: unknown[] = [];
    let start = 0;
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i] as number;
      if (this.inString) {
        if (this.escaped) this.escaped = false;
        else if (byte === BACKSLASH) this.escaped = true;
        else if (byte === QUOTE) this.inString = false;
      } else if (byte === QUOTE) {
        if (this.depth === 0) throw unexpected(byte);
        this.inString = true;
      } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
        if (this.depth === 0) {
          if (byte === OPEN_BRACKET) throw unexpected(byte);
          start = i;
        }
        this.depth += 1;
      } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
        if (this.depth === 0) throw unexpected(byte);
        this.depth -= 1;
        if (this.depth === 0) complete.push(this.finish(chunk.subarray(start, i + 1)));
      } else if (this.depth === 0 && !WHITE_SPACE.has(byte)) {
        throw unexpected(byte);
      }
    }
    if (this.depth > 0) this.keep(chunk.subarray(start));
    return complete;
  }

  private keep(part: Buffer): void {
    this.length += part.length;
    if (this.length > this.limit) {
      throw new HeddleError('limit', `a JSON object of more than ${this.limit} bytes was received`);
    }
    this.chunks.push(part);
  }

  private finish(last: Buffer): unknown {
    this.keep(last);
    const whole = this.chunks.length === 1 ? last : Buffer.concat(this.chunks, this.length);
    this.chunks = [];
    this.length = 0;
    try {
      return JSON.parse(whole.toString('utf8'));
    } catch (error) {
      throw new HeddleError('invalid', `not JSON: ${String(error)}`, { cause: error });
    }
  }
}

function unexpected(byte: number): HeddleError {
  return new HeddleError('invalid', `expected a JSON object, found byte 0x${byte.toString(16)}`);
}

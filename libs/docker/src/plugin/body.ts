import { isIP } from 'node:net';
import { HeddleError } from '@heddle/model';

const ID = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;
const POOL_ID = /^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,254}$/;
const WORD = /^[\x20-\x7e]{0,255}$/;
const MAC = /^[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}$/;
const NETNS_PATH = /^\/[\x21-\x7e]{1,4094}$/;
const INTERFACE = /^[^\s/:\0]{1,15}$/;
const MAX_ENTRIES = 1024;
const MAX_VALUE_BYTES = 64 * 1024;

export const isInterfaceName = (text: string): boolean => INTERFACE.test(text) && text !== '.' && text !== '..';

export function isCidr(text: string): boolean {
  const [address = '', digits = '', ...rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0 || !/^(0|[1-9][0-9]{0,2})$/.test(digits)) return false;
  return Number(digits) <= (family === 4 ? 32 : 128);
}

/** Fields of a JSON object that the engine, or somebody in its place, sent. Every reader throws `invalid`. */
export class Body {
  private constructor(
    private readonly values: Readonly<Record<string, unknown>>,
    private readonly prefix: string,
  ) {}

  /** An absent body stands for an object without fields: calls without parameters send none, or `null`. */
  static from(value: unknown, prefix = ''): Body {
    if (value === undefined || value === null) return new Body({}, prefix);
    if (typeof value !== 'object' || Array.isArray(value)) {
      throw wrong(prefix || 'the body', value, 'a JSON object');
    }
    return new Body(value as Record<string, unknown>, prefix ? `${prefix}.` : '');
  }

  /** Identifier of a network or endpoint. */
  id(key: string): string {
    return this.match(key, ID, 'an identifier of letters, digits, "_", "." and "-", at most 128');
  }

  poolId(key: string): string {
    return this.match(key, POOL_ID, 'a pool identifier');
  }

  /** Printable text; empty when absent. */
  word(key: string): string {
    return this.optional(key, (text) => WORD.test(text), 'at most 255 printable characters') ?? '';
  }

  netnsPath(key: string): string {
    return this.match(key, NETNS_PATH, 'an absolute path');
  }

  cidr(key: string): string | undefined {
    return this.optional(key, isCidr, 'an address with a prefix length such as 10.32.0.7/16');
  }

  address(key: string): string | undefined {
    return this.optional(key, (text) => isIP(text) !== 0, 'an address such as 10.32.0.7');
  }

  cidrOrAddress(key: string): string | undefined {
    return this.optional(key, (text) => isCidr(text) || isIP(text) !== 0, 'an address such as 10.32.0.1/16');
  }

  mac(key: string): string | undefined {
    return this.optional(key, (text) => MAC.test(text), 'a MAC address')?.toLowerCase();
  }

  boolean(key: string): boolean {
    const value = this.read(key) ?? false;
    if (typeof value !== 'boolean') throw wrong(this.prefix + key, value, 'true or false');
    return value;
  }

  object(key: string): Body {
    return Body.from(this.read(key), this.prefix + key);
  }

  objects(key: string): Body[] {
    const value = this.read(key) ?? [];
    if (!Array.isArray(value) || value.length > MAX_ENTRIES) {
      throw wrong(this.prefix + key, value, `a list of at most ${MAX_ENTRIES}`);
    }
    return value.map((entry, i) => Body.from(entry, `${this.prefix}${key}[${i}]`));
  }

  /** The entries that are text, without those of the engine's own when `withoutEngine`; others are for others to read. */
  strings(key: string, { withoutEngine = false } = {}): Readonly<Record<string, string>> {
    const body = this.object(key);
    const entries = Object.entries(body.values).filter(
      (entry): entry is [string, string] =>
        typeof entry[1] === 'string' && !(withoutEngine && entry[0].startsWith('com.docker.network.')),
    );
    if (entries.length > MAX_ENTRIES) throw wrong(this.prefix + key, `${entries.length} entries`, `${MAX_ENTRIES}`);
    const long = entries.find(([name, text]) => name.length > 255 || Buffer.byteLength(text) > MAX_VALUE_BYTES);
    if (long) throw wrong(`${body.prefix}${long[0].slice(0, 80)}`, 'a longer text', `${MAX_VALUE_BYTES} bytes`);
    return Object.fromEntries(entries);
  }

  private match(key: string, pattern: RegExp, allowed: string): string {
    const value = this.optional(key, (text) => pattern.test(text), allowed);
    if (value === undefined) throw wrong(this.prefix + key, value, allowed);
    return value;
  }

  private optional(key: string, ok: (text: string) => boolean, allowed: string): string | undefined {
    const value = this.read(key);
    if (value === undefined || value === null || value === '') return undefined;
    if (typeof value !== 'string' || !ok(value)) throw wrong(this.prefix + key, value, allowed);
    return value;
  }

  private read(key: string): unknown {
    return Object.hasOwn(this.values, key) ? this.values[key] : undefined;
  }
}

function wrong(where: string, value: unknown, allowed: string): HeddleError {
  const found =
    typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
      ? JSON.stringify(value).slice(0, 80)
      : value === undefined || value === null
        ? 'nothing'
        : Array.isArray(value)
          ? 'a list'
          : 'an object';
  return new HeddleError('invalid', `${where}: found ${found}; allowed is ${allowed}`);
}

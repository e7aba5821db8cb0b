import { isIPv4 } from 'node:net';
import path from 'node:path';
import { HeddleError, type Problem } from '@heddle/model';
import type { ContainerNetworkSpec, ContainerResources, ContainerSpec, FileMount, TmpfsMount } from './container-spec';

export interface CheckOptions {
  /** Directories whose files may be mounted. None by default: then every mount is refused. */
  readonly fileRoots?: readonly string[];
}

const MIB = 1024 * 1024;

/** Linux refuses a longer argument or environment string with E2BIG (MAX_ARG_STRLEN, 32 pages). */
const MAX_ARGUMENT_BYTES = 128 * 1024 - 1;
/** Arguments and environment together; Linux allows a quarter of the stack limit, 2 MiB by default. */
const MAX_ARGUMENTS_BYTES = MIB;
const MAX_LABEL_BYTES = 64 * 1024;
const MAX_LABELS_BYTES = 256 * 1024;
const MAX_ENTRIES = 4096;

const OBJECT_NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$/;
const IMAGE = /^[A-Za-z0-9][A-Za-z0-9._\-/:@]{0,254}$/;
const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_.-]{0,254}$/;
const LABEL_KEY = /^[A-Za-z0-9]([A-Za-z0-9._/-]{0,253}[A-Za-z0-9])?$/;
const HOSTNAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/;
/** The second digit is even: an odd one marks a multicast address. */
const MAC = /^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$/;
const USER = /^[0-9]{1,10}(:[0-9]{1,10})?$/;
const SIGNAL = /^(SIG[A-Z0-9+-]{2,12}|[1-9][0-9]?)$/;
/** NUL cannot be passed to a process, and half a surrogate pair cannot be written as UTF-8. */
const UNPRINTABLE = /[\0\p{Surrogate}]/u;

/** Networks of the engine's own that would give a container a way round every contract, or another's namespace. */
const FORBIDDEN_NETWORKS: ReadonlySet<string> = new Set(['host', 'bridge', 'default', 'nat', 'container', 'ingress']);
/** Where a mounted file would change what the kernel or the engine shows of the host. */
const FORBIDDEN_TARGETS = ['/proc', '/sys', '/dev'];

/**
 * Checks a spec from outside the type system and copies it: the result holds known fields only, each read once. Throws
 * an `invalid` HeddleError that lists everything wrong.
 */
export function checkContainerSpec(input: unknown, options: CheckOptions = {}): ContainerSpec {
  const problems: Problem[] = [];
  const spec = new Fields('', input, problems);
  const result: ContainerSpec = {
    name: spec.match('name', OBJECT_NAME, 'letters, digits, "_", "." and "-", at most 128') ?? '',
    image: spec.match('image', IMAGE, 'an image reference such as heddle/demo') ?? '',
    ...given('command', spec.strings('command')),
    ...given('args', spec.strings('args')),
    ...given('env', spec.map('env', ENV_NAME, 'a variable name such as LOG_LEVEL', MAX_ARGUMENT_BYTES)),
    ...given('labels', spec.map('labels', LABEL_KEY, 'a label key such as heddle.epg', MAX_LABEL_BYTES)),
    ...given('hostname', spec.optionalMatch('hostname', HOSTNAME, 'a host name of DNS labels', 64)),
    network: network(spec.object('network'), problems),
    resources: resources(spec.object('resources')),
    ...given('readOnlyRootfs', spec.boolean('readOnlyRootfs')),
    ...given('tmpfs', spec.list('tmpfs', tmpfs)),
    ...given('user', spec.optionalMatch('user', USER, 'numeric ids such as 1000 or 1000:1000')),
    ...given('workingDir', spec.absolutePath('workingDir')),
    ...given('stopSignal', spec.optionalMatch('stopSignal', SIGNAL, 'a signal such as SIGTERM')),
    ...given(
      'mounts',
      spec.list('mounts', (entry) => fileMount(entry, options.fileRoots ?? [], problems)),
    ),
    ...given('init', spec.boolean('init')),
    ...given('logMaxSize', spec.optionalInteger('logMaxSize', 64 * 1024, 2 ** 40)),
  };
  spec.refuseOthers();
  checkTotals(result, problems);
  if (problems.length > 0) {
    const list = problems.map((p) => (p.path ? `${p.path}: ${p.message}` : p.message)).join('; ');
    throw new HeddleError('invalid', `the container cannot be created: ${list}`, { problems });
  }
  return result;
}

function network(fields: Fields, problems: Problem[]): ContainerNetworkSpec {
  const name = fields.match('name', OBJECT_NAME, 'the name of a network') ?? '';
  if (FORBIDDEN_NETWORKS.has(name.toLowerCase())) {
    problems.push({
      path: fields.path('name'),
      message: `found "${name}", a network of the engine itself; name a network of Heddle, or "none"`,
    });
  }
  const result: ContainerNetworkSpec = {
    name,
    ...given('ipv4Address', fields.test('ipv4Address', isIPv4, 'an IPv4 address such as 10.32.0.7')),
    ...given('macAddress', fields.optionalMatch('macAddress', MAC, 'a unicast MAC address in lower case')),
    ...given('driverOpts', fields.map('driverOpts', LABEL_KEY, 'an option key such as heddle.epg', MAX_LABEL_BYTES)),
    ...given('aliases', fields.strings('aliases', HOSTNAME)),
  };
  if (name === 'none' && (result.ipv4Address ?? result.macAddress ?? result.driverOpts ?? result.aliases)) {
    problems.push({
      path: fields.path('name'),
      message: 'found "none" with endpoint settings; name a network, or leave them out',
    });
  }
  fields.refuseOthers();
  return result;
}

function resources(fields: Fields): ContainerResources {
  const result = {
    cpu: fields.number('cpu', 0.001, 4096),
    memoryBytes: fields.integer('memoryBytes', 1, 2 ** 50),
    pids: fields.integer('pids', 1, 4_194_304),
  };
  fields.refuseOthers();
  return result;
}

function tmpfs(fields: Fields): TmpfsMount {
  const result = { path: fields.targetPath('path'), sizeBytes: fields.integer('sizeBytes', 4096, 2 ** 40) };
  fields.refuseOthers();
  return result;
}

function fileMount(fields: Fields, roots: readonly string[], problems: Problem[]): FileMount {
  const source = fields.absolutePath('source') ?? '';
  if (!roots.some((root) => source.startsWith(path.join(path.resolve(root), path.sep)))) {
    const allowed = roots.length > 0 ? `files beneath ${roots.join(', ')}` : 'no files at all';
    problems.push({ path: fields.path('source'), message: `found ${quote(source)}; allowed are ${allowed}` });
  }
  const result = { source, target: fields.targetPath('target') };
  fields.refuseOthers();
  return result;
}

function checkTotals(spec: ContainerSpec, problems: Problem[]): void {
  const bytes = (texts: readonly string[]): number => texts.reduce((sum, text) => sum + Buffer.byteLength(text) + 1, 0);
  const pairs = (map: Readonly<Record<string, string>> = {}): string[] =>
    Object.entries(map).map(([k, v]) => `${k}=${v}`);
  const program = bytes([...(spec.command ?? []), ...(spec.args ?? []), ...pairs(spec.env)]);
  if (program > MAX_ARGUMENTS_BYTES) {
    const message = `command, args and env are ${program} bytes together; allowed are ${MAX_ARGUMENTS_BYTES}`;
    problems.push({ path: '', message });
  }
  const labels = bytes([...pairs(spec.labels), ...pairs(spec.network.driverOpts)]);
  if (labels > MAX_LABELS_BYTES) {
    const message = `labels and driver options are ${labels} bytes together; allowed are ${MAX_LABELS_BYTES}`;
    problems.push({ path: 'labels', message });
  }
}

function given<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: V });
}

const quote = (value: unknown): string => {
  const text = typeof value === 'string' ? JSON.stringify(value) : describe(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
};

function describe(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' || typeof value === 'function' ? `an ${typeof value}` : String(value);
}

/** Reads the fields of one object of unknown shape, notes what is wrong, and remembers which fields it was asked for. */
class Fields {
  private readonly values: Readonly<Record<string, unknown>>;
  private readonly known = new Set<string>();

  constructor(
    private readonly prefix: string,
    input: unknown,
    private readonly problems: Problem[],
  ) {
    const plain = typeof input === 'object' && input !== null && !Array.isArray(input);
    // Read every field once: a getter cannot show one value to the check and another to the result.
    this.values = plain ? Object.fromEntries(Object.entries(input)) : {};
    if (!plain) problems.push({ path: prefix, message: `found ${describe(input)}; expected an object` });
  }

  path(key: string): string {
    return this.prefix ? `${this.prefix}.${key}` : key;
  }

  private read(key: string): unknown {
    this.known.add(key);
    return Object.hasOwn(this.values, key) ? this.values[key] : undefined;
  }

  private bad(key: string, value: unknown, allowed: string): void {
    this.problems.push({ path: this.path(key), message: `found ${quote(value)}; allowed is ${allowed}` });
  }

  refuseOthers(): void {
    for (const [key, value] of Object.entries(this.values)) {
      if (value === undefined || this.known.has(key)) continue;
      this.problems.push({ path: this.path(key), message: 'is no field of a container; remove it' });
    }
  }

  test(key: string, ok: (text: string) => boolean, allowed: string): string | undefined {
    const value = this.read(key);
    if (value === undefined) return undefined;
    if (typeof value === 'string' && ok(value)) return value;
    this.bad(key, value, allowed);
    return undefined;
  }

  optionalMatch(key: string, pattern: RegExp, allowed: string, maxLength = 256): string | undefined {
    return this.test(key, (text) => text.length <= maxLength && pattern.test(text), allowed);
  }

  match(key: string, pattern: RegExp, allowed: string): string | undefined {
    if (this.read(key) === undefined) this.bad(key, undefined, allowed);
    return this.optionalMatch(key, pattern, allowed);
  }

  boolean(key: string): boolean | undefined {
    const value = this.read(key);
    if (value === undefined || typeof value === 'boolean') return value;
    this.bad(key, value, 'true or false');
    return undefined;
  }

  number(key: string, min: number, max: number): number {
    const value = this.read(key);
    if (typeof value === 'number' && value >= min && value <= max) return value;
    this.bad(key, value, `a number from ${min} to ${max}`);
    return min;
  }

  integer(key: string, min: number, max: number): number {
    const value = this.read(key);
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max) return value;
    this.bad(key, value, `a whole number from ${min} to ${max}`);
    return min;
  }

  optionalInteger(key: string, min: number, max: number): number | undefined {
    return this.read(key) === undefined ? undefined : this.integer(key, min, max);
  }

  absolutePath(key: string): string | undefined {
    const ok = (text: string): boolean =>
      path.isAbsolute(text) && path.normalize(text) === text && text.length <= 4095 && !UNPRINTABLE.test(text);
    return this.test(key, ok, 'an absolute path without "." and ".." parts');
  }

  /** A path in the container where something may be mounted; mount options are separated by commas and colons. */
  targetPath(key: string): string {
    const ok = (text: string): boolean =>
      /^(\/[A-Za-z0-9_@+=.-]+)+$/.test(text) &&
      path.normalize(text) === text &&
      text.length <= 1024 &&
      !FORBIDDEN_TARGETS.some((root) => text === root || text.startsWith(`${root}/`));
    const allowed = `an absolute path of letters, digits and "_@+=.-", not in ${FORBIDDEN_TARGETS.join(', ')}`;
    if (this.read(key) === undefined) this.bad(key, undefined, allowed);
    return this.test(key, ok, allowed) ?? '';
  }

  object(key: string): Fields {
    return new Fields(this.path(key), this.read(key), this.problems);
  }

  list<T>(key: string, read: (entry: Fields) => T): readonly T[] | undefined {
    return this.array(key)?.map((entry, i) => read(new Fields(`${this.path(key)}[${i}]`, entry, this.problems)));
  }

  strings(key: string, pattern?: RegExp): readonly string[] | undefined {
    return this.array(key)?.map((entry, i) => {
      const ok = typeof entry === 'string' && isText(entry, MAX_ARGUMENT_BYTES) && (pattern?.test(entry) ?? true);
      if (ok) return entry;
      this.bad(
        `${key}[${i}]`,
        entry,
        `text of at most ${MAX_ARGUMENT_BYTES} bytes${pattern ? ` like ${pattern}` : ' without NUL'}`,
      );
      return '';
    });
  }

  map(
    key: string,
    pattern: RegExp,
    allowedKey: string,
    maxBytes: number,
  ): Readonly<Record<string, string>> | undefined {
    const value = this.read(key);
    if (value === undefined) return undefined;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.bad(key, value, 'an object');
      return undefined;
    }
    const entries = Object.entries(value);
    if (entries.length > MAX_ENTRIES) this.bad(key, `${entries.length} entries`, `at most ${MAX_ENTRIES}`);
    const result: [string, string][] = [];
    for (const [name, text] of entries.slice(0, MAX_ENTRIES)) {
      if (!pattern.test(name)) this.bad(key, name, allowedKey);
      else if (typeof text !== 'string' || !isText(text, maxBytes - name.length - 1)) {
        this.bad(`${key}.${name}`, text, `text of at most ${maxBytes} bytes without NUL`);
      } else result.push([name, text]);
    }
    return Object.fromEntries(result);
  }

  private array(key: string): readonly unknown[] | undefined {
    const value = this.read(key);
    if (value === undefined) return undefined;
    if (Array.isArray(value) && value.length <= MAX_ENTRIES) return Array.from<unknown>(value);
    this.bad(key, Array.isArray(value) ? `${value.length} entries` : value, `a list of at most ${MAX_ENTRIES}`);
    return undefined;
  }
}

const isText = (text: string, maxBytes: number): boolean =>
  Buffer.byteLength(text) <= maxBytes && !UNPRINTABLE.test(text);

import path from 'node:path';
import type { Files } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import { UsageError } from '../errors';

/** A server that the command line knows by name. */
export interface Context {
  /** `http://127.0.0.1:4280`. */
  readonly api: string;
  /** File that holds the bearer token. */
  readonly tokenFile?: string;
  /** The tenant of paths that name none. */
  readonly tenant?: string;
}

export interface Contexts {
  /** Name of the context that is used when none is named. */
  readonly current?: string;
  readonly contexts: Readonly<Record<string, Context>>;
}

/** Where the contexts are kept: `$XDG_CONFIG_HOME/heddle/contexts.json`, by default below `~/.config`. */
export function contextsFile(env: NodeJS.ProcessEnv, home: string): string {
  return path.join(env['XDG_CONFIG_HOME'] || path.join(home, '.config'), 'heddle', 'contexts.json');
}

/** The user's contexts, in one file that only the user can read. */
export class ContextStore {
  constructor(
    private readonly files: Files,
    readonly file: string,
  ) {}

  /** @throws HeddleError `state` when the file is damaged */
  async load(): Promise<Contexts> {
    const json = await this.files.readJson(this.file);
    if (json === undefined) return { contexts: {} };
    if (isContexts(json)) return json;
    throw new HeddleError('state', `${this.file} is not a file of contexts; repair or remove it`);
  }

  /** Adds or replaces a context and makes it the current one. */
  async put(name: string, context: Context): Promise<void> {
    const { contexts } = await this.load();
    await this.save({ current: name, contexts: { ...contexts, [name]: context } });
  }

  /** @throws UsageError when there is no such context */
  async use(name: string): Promise<void> {
    const { contexts } = await this.load();
    contextNamed(contexts, name);
    await this.save({ current: name, contexts });
  }

  /** Harmless when there is none of that name. */
  async remove(name: string): Promise<void> {
    const { current, contexts } = await this.load();
    if (!Object.hasOwn(contexts, name)) return;
    const rest = Object.fromEntries(Object.entries(contexts).filter(([key]) => key !== name));
    await this.save({ ...(current !== undefined && current !== name ? { current } : {}), contexts: rest });
  }

  private save(contexts: Contexts): Promise<void> {
    return this.files.writeAtomic(this.file, `${JSON.stringify(contexts, null, 2)}\n`, { mode: 0o600 });
  }
}

/** @throws UsageError that lists the names there are */
export function contextNamed(contexts: Contexts['contexts'], name: string): Context {
  const context = Object.hasOwn(contexts, name) ? contexts[name] : undefined;
  if (context) return context;
  const names = Object.keys(contexts).sort();
  const there = names.length === 0 ? 'there are none yet' : `there are ${names.join(', ')}`;
  throw new UsageError(`no context is named "${name}"; ${there}`);
}

function isContexts(json: unknown): json is Contexts {
  if (!isRecord(json) || !isRecord(json['contexts'])) return false;
  const current = json['current'];
  if (current !== undefined && typeof current !== 'string') return false;
  return Object.values(json['contexts']).every(
    (context) =>
      isRecord(context) &&
      typeof context['api'] === 'string' &&
      ['tokenFile', 'tenant'].every((key) => context[key] === undefined || typeof context[key] === 'string'),
  );
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

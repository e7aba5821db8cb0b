import {
  findKind,
  HeddleError,
  KINDS,
  pathOf,
  splitPath,
  type HeddleObject,
  type KindInfo,
  type Scope,
} from '@heddle/model';
import { UsageError } from '../errors';
import { count } from '../render/words';

const PARTS: Readonly<Record<Scope, number>> = { cluster: 1, tenant: 2, application: 3 };
/** How many names an error lists. */
const LISTED = 10;

/** The kind that a person means: `service`, `services`, `Service`. @throws UsageError */
export function kindNamed(word: string): KindInfo {
  const kind = findKind(word);
  if (kind) return kind;
  // They are kept apart from objects, with a command of their own.
  if (/^events?$/i.test(word))
    throw new UsageError(`found kind "${word}", but events are no objects; see "heddle events"`);
  throw new UsageError(`found kind "${word}"; allowed are ${KINDS.map((k) => k.plural).join(', ')}`);
}

/** Reads the words `KIND [PATH]`, or `KIND/PATH` in one as `-o name` prints it. @throws UsageError */
export function parseTarget(
  word: string,
  path?: string,
): { readonly kind: KindInfo; readonly path: string | undefined } {
  const slash = word.indexOf('/');
  if (slash < 0) return { kind: kindNamed(word), path };
  if (path !== undefined) throw new UsageError(`found "${word}" and then "${path}"; give KIND PATH or KIND/PATH`);
  return { kind: kindNamed(word.slice(0, slash)), path: word.slice(slash + 1) };
}

export interface ShortPath {
  readonly kind: KindInfo;
  /** `web`, `shop/web` or `acme/shop/web`. */
  readonly input: string;
  /** The tenant of paths that name none. */
  readonly tenant: string | undefined;
  /** The paths of that kind that there are, of the default tenant when there is one. Asked only where it is needed. */
  readonly known: () => Promise<readonly string[]>;
}

/**
 * The whole path that a short one means. With all its parts, or all but a known tenant, it is taken as it is; otherwise
 * it must be the end of exactly one of the paths there are.
 * @throws UsageError when it has too many parts or means several objects, HeddleError `not-found`
 */
export async function resolvePath({ kind, input, tenant, known }: ShortPath): Promise<string> {
  const parts = input.split('/');
  const wanted = PARTS[kind.scope];
  if (parts.length > wanted || parts.includes('')) throw wrongPath(kind, input);
  if (parts.length === wanted) return input;
  if (tenant !== undefined && parts.length === wanted - 1) return `${tenant}/${input}`;
  return onlyMatch(kind.kind, input, tenant, await known());
}

/** The one of these paths that ends in the input. @throws as {@link resolvePath} */
export function onlyMatch(what: string, input: string, tenant: string | undefined, paths: readonly string[]): string {
  const matching = paths.filter((path) => path === input || path.endsWith(`/${input}`));
  const [only, ...others] = matching;
  if (only === undefined) throw notFound(what, input, tenant, paths);
  if (others.length === 0) return only;
  throw new UsageError(
    `"${input}" means ${count(matching.length, 'object')} of kind ${what}; write one of ${listed(matching)}`,
  );
}

export const pathOfObject = (object: HeddleObject): string => pathOf(object.kind, object.metadata);

function wrongPath(kind: KindInfo, input: string): UsageError {
  try {
    splitPath(kind.kind, input);
  } catch (error) {
    if (error instanceof HeddleError) return new UsageError(error.message);
    throw error;
  }
  return new UsageError(`found "${input}" as the path of a ${kind.kind}`);
}

function notFound(what: string, input: string, tenant: string | undefined, paths: readonly string[]): HeddleError {
  const where = tenant === undefined ? '' : ` in tenant ${tenant}`;
  const there = paths.length === 0 ? 'there are none' : `there are ${listed(paths)}`;
  return new HeddleError('not-found', `no ${what} "${input}"${where}; ${there}`);
}

function listed(paths: readonly string[]): string {
  const shown = [...paths].sort().slice(0, LISTED).join(', ');
  return paths.length > LISTED ? `${shown} and ${paths.length - LISTED} more` : shown;
}

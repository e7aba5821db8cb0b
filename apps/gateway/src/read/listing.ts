import {
  HeddleError,
  keyOf,
  matches,
  parseSelector,
  type HeddleObject,
  type Kind,
  type Requirement,
} from '@heddle/model';
import { refuseUnknown } from '../http/query';

export const DEFAULT_LIMIT = 500;
export const MAX_LIMIT = 1000;

/** What a list is limited to. */
export interface ListQuery {
  readonly tenant?: string;
  readonly application?: string;
  readonly requirements: readonly Requirement[];
  readonly limit: number;
  /** Key of the last object of the page before. */
  readonly after?: string;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** Given back to get the next page; absent on the last one. */
  readonly continue?: string;
}

/** The query of a list, from the parameters of its URL. @throws HeddleError `invalid` */
export function readListQuery(parameters: Readonly<Record<string, unknown>>): ListQuery {
  const text = (name: string): string | undefined => {
    const value = parameters[name];
    if (value === undefined || value === '') return undefined;
    if (typeof value !== 'string') throw new HeddleError('invalid', `found ${name} more than once; once is allowed`);
    return value;
  };
  const known = ['tenant', 'application', 'selector', 'limit', 'continue'];
  refuseUnknown(parameters, known);
  const tenant = text('tenant');
  const application = text('application');
  const token = text('continue');
  return {
    ...(tenant === undefined ? {} : { tenant }),
    ...(application === undefined ? {} : { application }),
    requirements: parseSelector(text('selector') ?? ''),
    limit: readLimit(text('limit'), DEFAULT_LIMIT, MAX_LIMIT),
    ...(token === undefined ? {} : { after: readToken(token) }),
  };
}

/** A number of items in a URL. @throws HeddleError `invalid` */
export function readLimit(text: string | undefined, byDefault: number, most: number): number {
  if (text === undefined) return byDefault;
  const limit = /^[0-9]{1,6}$/.test(text) ? Number(text) : NaN;
  if (limit >= 1 && limit <= most) return limit;
  throw new HeddleError('invalid', `found limit "${text}"; allowed is 1 to ${most}`);
}

/**
 * One page of a list, in the order of keys. A page begins after the key that the one before ended with, so that objects
 * which come and go in between neither repeat nor hide others.
 */
export function pageOf<K extends Kind>(objects: Iterable<HeddleObject<K>>, query: ListQuery): Page<HeddleObject<K>> {
  const wanted = [...objects]
    .filter((object) => isWanted(object, query))
    .map((object) => ({ key: keyOf(object), object }))
    .filter(({ key }) => query.after === undefined || key > query.after)
    .sort((a, b) => (a.key < b.key ? -1 : 1));
  const items = wanted.slice(0, query.limit);
  const last = items.at(-1);
  return {
    items: items.map(({ object }) => object),
    ...(last !== undefined && wanted.length > items.length ? { continue: writeToken(last.key) } : {}),
  };
}

function isWanted({ kind, metadata }: HeddleObject, { tenant, application, requirements }: ListQuery): boolean {
  if (tenant !== undefined && tenant !== (kind === 'Tenant' ? metadata.name : metadata.tenant)) return false;
  if (application !== undefined && application !== (kind === 'App' ? metadata.name : metadata.application))
    return false;
  return matches(requirements, metadata.labels);
}

const writeToken = (key: string): string => Buffer.from(`k:${key}`, 'utf8').toString('base64url');

function readToken(token: string): string {
  const text = Buffer.from(token, 'base64url').toString('utf8');
  if (text.startsWith('k:') && writeToken(text.slice(2)) === token) return text.slice(2);
  throw new HeddleError('invalid', `found continue "${token}"; allowed is what the page before gave`);
}

import { badRequest } from './api-error';
import { MODEL } from './model';
import { rns, type ManagementTree, type Mo } from './tree';

/** What a GET asks for, after "Using the REST API: Applying Query Scoping Filters". */
export interface Query {
  readonly target: { readonly type: 'class'; readonly class: string } | { readonly type: 'mo'; readonly dn: string };
  readonly parameters: Readonly<Record<string, string>>;
}

export type Element = Readonly<Record<string, { attributes: Record<string, string>; children?: Element[] }>>;

const KNOWN = new Set([
  'query-target', 'target-subtree-class', 'query-target-filter', 'rsp-subtree', 'rsp-subtree-class', 'rsp-prop-include',
  'order-by', 'page', 'page-size', 'subscription', 'refresh-timeout',
]); // prettier-ignore

/** @returns the elements on the page that is asked for, and how many there are in all */
export function runQuery(tree: ManagementTree, query: Query): { total: number; elements: Element[] } {
  const { parameters } = query;
  const unknown = Object.keys(parameters).find((name) => !KNOWN.has(name));
  if (unknown !== undefined) throw badRequest('400', `Invalid request. unknown query parameter ${unknown}`);
  const found = inOrder(select(tree, query), parameters['order-by']);
  return { total: found.length, elements: page(found, parameters).map((mo) => elementOf(tree, mo, parameters)) };
}

/** Whether a query's result has the object, whichever page it would be on: what a subscription is about. */
export function matches(query: Query, mo: Mo): boolean {
  const { target, parameters } = query;
  if (!passes(parameters['query-target-filter'], mo)) return false;
  const classes = classesOf(parameters);
  if (target.type === 'class' && !parameters['query-target']) return mo.class === target.class;
  if (classes && !classes.has(mo.class)) return false;
  if (target.type === 'class') return mo.class === target.class;
  switch (parameters['query-target']) {
    case 'subtree':
      return mo.dn === target.dn || mo.dn.startsWith(`${target.dn}/`);
    case 'children':
      return rns(mo.dn).slice(0, -1).join('/') === target.dn;
    default:
      return mo.dn === target.dn;
  }
}

function select(tree: ManagementTree, query: Query): Mo[] {
  const { target } = query;
  if (target.type === 'class') {
    // Symptom 2 in the ACI Troubleshooting Book, "REST Interface".
    if (!MODEL[target.class]) throw badRequest('400', `Request failed, unresolved class for ${target.class}`);
  } else tree.classAt(target.dn);
  for (const name of classesOf(query.parameters) ?? [])
    if (!MODEL[name]) throw badRequest('400', `Request failed, unresolved class for ${name}`);
  // An object that is not there is no error: the result is empty.
  return tree.all().filter((mo) => matches(query, mo));
}

const classesOf = (parameters: Query['parameters']): Set<string> | undefined => {
  const text = parameters['target-subtree-class'];
  return text === undefined ? undefined : new Set(text.split(','));
};

function inOrder(found: Mo[], orderBy: string | undefined): Mo[] {
  if (orderBy === undefined) return found;
  const match = /^\w+\.(\w+)(\|(asc|desc))?$/.exec(orderBy);
  if (!match) throw badRequest('400', `Invalid request. order-by ${orderBy}`);
  const [, name = '', , direction] = match;
  const key = (mo: Mo): string => (name === 'dn' ? mo.dn : (mo.attributes[name] ?? ''));
  const sorted = [...found].sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0));
  return direction === 'desc' ? sorted.reverse() : sorted;
}

function page(found: Mo[], parameters: Query['parameters']): Mo[] {
  const { page: number, 'page-size': size } = parameters;
  if (number === undefined && size === undefined) return found;
  const [n, s] = [Number(number ?? 0), Number(size)];
  if (!Number.isInteger(n) || n < 0 || !Number.isInteger(s) || s < 1)
    throw badRequest('107', `Invalid request. page ${number}, page-size ${size}`);
  return found.slice(n * s, (n + 1) * s);
}

function elementOf(tree: ManagementTree, mo: Mo, parameters: Query['parameters']): Element {
  const subtree = parameters['rsp-subtree'];
  const attributes = attributesOf(mo, parameters['rsp-prop-include'], true);
  if (subtree !== 'full' && subtree !== 'children') return { [mo.class]: { attributes } };
  const children = tree
    .all()
    .filter(({ dn }) => rns(dn).slice(0, -1).join('/') === mo.dn)
    .map((child) =>
      subtree === 'full'
        ? nested(tree, child, parameters)
        : { [child.class]: { attributes: attributesOf(child, parameters['rsp-prop-include'], false) } },
    );
  return { [mo.class]: { attributes, ...(children.length === 0 ? {} : { children }) } };
}

function nested(tree: ManagementTree, mo: Mo, parameters: Query['parameters']): Element {
  const [[name, element] = ['', { attributes: {} }]] = Object.entries(elementOf(tree, mo, parameters));
  return { [name]: { ...element, attributes: attributesOf(mo, parameters['rsp-prop-include'], false) } };
}

/** What is on top has its whole name, what is nested its relative one. Operational properties are left out by config-only. */
function attributesOf(mo: Mo, include: string | undefined, top: boolean): Record<string, string> {
  const name: Record<string, string> = top ? { dn: mo.dn } : { rn: rns(mo.dn).at(-1) ?? '' };
  if (include === 'naming-only') return name;
  const operational: Record<string, string> =
    include === 'config-only' ? {} : { childAction: '', status: '', lcOwn: 'local', uid: '15374' };
  return { ...mo.attributes, ...operational, ...name };
}

type Condition = (mo: Mo) => boolean;

const passes = (filter: string | undefined, mo: Mo): boolean => filter === undefined || parseFilter(filter)(mo);

/** Filters of the form `eq(class.property,"value")`, combined by `and`, `or` and `not`. */
export function parseFilter(text: string): Condition {
  const match = /^(\w+)\((.*)\)$/.exec(text.trim());
  const [, operator = '', inner = ''] = match ?? [];
  const parts = splitArguments(inner);
  switch (operator) {
    case 'and':
      return (mo) => parts.every((part) => parseFilter(part)(mo));
    case 'or':
      return (mo) => parts.some((part) => parseFilter(part)(mo));
    case 'not':
      return (mo) => !parseFilter(inner)(mo);
    case 'eq':
    case 'ne':
    case 'wcard': {
      const [, name, property] = /^(\w+)\.(\w+)$/.exec(parts[0] ?? '') ?? [];
      const value = /^"(.*)"$/.exec(parts[1] ?? '')?.[1];
      if (name === undefined || property === undefined || value === undefined) break;
      return (mo) => {
        if (mo.class !== name) return false;
        const has = property === 'dn' ? mo.dn : (mo.attributes[property] ?? '');
        return operator === 'wcard' ? has.includes(value) : (has === value) === (operator === 'eq');
      };
    }
  }
  throw badRequest('107', `Invalid request. query-target-filter ${text}`);
}

function splitArguments(text: string): string[] {
  const parts: string[] = [''];
  let depth = 0;
  let quoted = false;
  for (const char of text) {
    if (char === '"') quoted = !quoted;
    if (!quoted && char === '(') depth++;
    if (!quoted && char === ')') depth--;
    if (char === ',' && depth === 0 && !quoted) parts.push('');
    else parts[parts.length - 1] += char;
  }
  return parts.map((part) => part.trim());
}

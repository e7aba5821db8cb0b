import type { z } from 'zod';
import type { Problem } from './error';

type Issue = z.core.$ZodIssue;

/** Turns schema issues into problems: where, what was found, what is allowed. `input` is what was parsed. */
export function explainIssues(
  issues: readonly Issue[],
  input: unknown,
  prefix: readonly PropertyKey[] = [],
): Problem[] {
  return issues.flatMap((issue) => explain(issue, input, prefix));
}

function explain(issue: Issue, input: unknown, prefix: readonly PropertyKey[]): Problem[] {
  const path = [...prefix, ...issue.path];
  const at = pathText(path);
  const found = describe(valueAt(input, issue.path));
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({
        path: pathText([...path, key]),
        message: `unknown field "${key}"; ${ownWords(issue) ?? 'remove it or correct its spelling'}`,
      }));
    case 'invalid_type':
      return [{ path: at, message: typeText(issue.expected, found, valueAt(input, issue.path)) }];
    case 'too_small':
      return [
        {
          path: at,
          message: `found ${sized(found, issue.origin, input, issue.path)}; allowed is ${issue.inclusive === false ? 'more than' : 'at least'} ${amount(issue.minimum, issue.origin)}`,
        },
      ];
    case 'too_big':
      return [
        {
          path: at,
          message: `found ${sized(found, issue.origin, input, issue.path)}; allowed is ${issue.inclusive === false ? 'less than' : 'at most'} ${amount(issue.maximum, issue.origin)}`,
        },
      ];
    case 'invalid_value':
      return [
        { path: at, message: `found ${found}; allowed are ${issue.values.map((v) => JSON.stringify(v)).join(', ')}` },
      ];
    case 'invalid_key':
      return issue.issues.map((inner) => ({ path: at, message: inner.message }));
    case 'invalid_union': {
      if ('options' in issue && issue.options)
        return [{ path: at, message: `found ${found}; allowed are ${issue.options.map(String).join(', ')}` }];
      const nested = meantBranch(issue.errors)?.filter(isWithin) ?? [];
      if (nested.length > 0) return explainIssues(nested, valueAt(input, issue.path), path);
      const own = ownWords(issue);
      if (own !== undefined) return [{ path: at, message: `found ${found}; ${own}` }];
      const wanted = issue.errors.flatMap((branch) => branch.map(wantedText));
      return [{ path: at, message: `found ${found}; expected ${[...new Set(wanted)].join(' or ')}` }];
    }
    case 'not_multiple_of':
      return [{ path: at, message: `found ${found}; allowed is a multiple of ${issue.divisor}` }];
    default:
      return [{ path: at, message: issue.message }];
  }
}

/** What zod says by itself; a schema that knows better says it in its own words. */
const PLAIN = /^(Unrecognized key|Invalid input)/;
const ownWords = ({ message }: Issue): string | undefined => (PLAIN.test(message) ? undefined : message);

/** How types are called where they are expected, as in what {@link describe} says of what was found. */
const TYPES: Readonly<Record<string, string>> = {
  array: 'a list',
  object: 'a mapping',
  record: 'a mapping',
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
};
const typeName = (expected: string): string => TYPES[expected] ?? expected;

function typeText(expected: string, found: string, value: unknown): string {
  if (value === undefined) return `is missing; expected ${typeName(expected)}`;
  const isBare = expected === 'string' && (typeof value === 'number' || typeof value === 'boolean');
  return `found ${found}; expected ${typeName(expected)}${isBare ? ': write it in quotes' : ''}`;
}

/** What a branch of a union would have taken. */
function wantedText(issue: Issue): string {
  if (issue.code === 'invalid_type') return typeName(issue.expected);
  return issue.code === 'invalid_value' ? issue.values.map((v) => JSON.stringify(v)).join(', ') : issue.message;
}

/** Whether an issue is about the fields of a value, so that it is of the right type itself. */
const isWithin = ({ path, code }: Issue): boolean => path.length > 0 || code === 'unrecognized_keys';

/**
 * Of the branches of a union, the one that the writer most likely meant: that knows all fields, or else whose faults lie deepest.
 * Nothing where several are as likely and the union has words of its own for that, see {@link ownWords}.
 */
function meantBranch(branches: readonly Issue[][]): Issue[] | undefined {
  const unknown = (branch: Issue[]): number => branch.filter((i) => i.code === 'unrecognized_keys').length;
  const depth = (branch: Issue[]): number => Math.max(0, ...branch.map((i) => i.path.length));
  const compare = (a: Issue[], b: Issue[]): number => unknown(a) - unknown(b) || depth(b) - depth(a);
  const [first, second] = branches.filter((branch) => branch.some(isWithin)).sort(compare);
  return first && second && compare(first, second) === 0 ? undefined : first;
}

function sized(found: string, origin: string, input: unknown, path: readonly PropertyKey[]): string {
  const value = valueAt(input, path);
  if (origin === 'string' && typeof value === 'string') return amount(value.length, origin);
  if (origin === 'array' && Array.isArray(value)) return amount(value.length, origin);
  return found;
}

/** `1 character`, `3 entries`, `70000`. */
function amount(n: number | bigint, origin: string): string {
  const isOne = Number(n) === 1;
  if (origin === 'string') return `${n} ${isOne ? 'character' : 'characters'}`;
  return origin === 'array' ? `${n} ${isOne ? 'entry' : 'entries'}` : `${n}`;
}

function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  const text = JSON.stringify(value);
  return `${typeof value} ${text.length > 80 ? `${text.slice(0, 77)}...` : text}`;
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === 'object' && value !== null ? (value as Record<PropertyKey, unknown>)[key] : undefined,
    input,
  );
}

/** `spec.connect[0].port`. */
export function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, key) => (typeof key === 'number' ? `${text}[${key}]` : text === '' ? String(key) : `${text}.${String(key)}`),
    '',
  );
}

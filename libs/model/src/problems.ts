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
        message: `unknown field "${key}"; remove it or correct its spelling`,
      }));
    case 'invalid_type':
      return [
        {
          path: at,
          message:
            found === 'nothing'
              ? `is missing; expected ${issue.expected}`
              : `found ${found}; expected ${issue.expected}`,
        },
      ];
    case 'too_small':
      return [
        {
          path: at,
          message: `found ${sized(found, issue.origin, input, issue.path)}; allowed is ${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}${unit(issue.origin)}`,
        },
      ];
    case 'too_big':
      return [
        {
          path: at,
          message: `found ${sized(found, issue.origin, input, issue.path)}; allowed is ${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum}${unit(issue.origin)}`,
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
      const best = bestBranch(issue.errors);
      if (!best || best.length === 0) return [{ path: at, message: `found ${found}; ${issue.message}` }];
      const nested = best.filter((i) => i.path.length > 0);
      if (nested.length > 0) return explainIssues(nested, valueAt(input, issue.path), path);
      const wanted = issue.errors.flatMap((branch) =>
        branch.map((i) => ('expected' in i ? String(i.expected) : i.message)),
      );
      return [{ path: at, message: `found ${found}; expected ${[...new Set(wanted)].join(' or ')}` }];
    }
    case 'not_multiple_of':
      return [{ path: at, message: `found ${found}; allowed is a multiple of ${issue.divisor}` }];
    default:
      return [{ path: at, message: issue.message }];
  }
}

/** Of the branches of a union, the one whose faults lie deepest: it is the one the writer most likely meant. */
function bestBranch(branches: readonly Issue[][]): Issue[] | undefined {
  const depth = (branch: Issue[]): number =>
    Math.max(0, ...branch.map((i) => i.path.length + (i.code === 'unrecognized_keys' ? 1 : 0)));
  return [...branches].sort((a, b) => depth(b) - depth(a))[0];
}

function sized(found: string, origin: string, input: unknown, path: readonly PropertyKey[]): string {
  const value = valueAt(input, path);
  if (origin === 'string' && typeof value === 'string') return `${value.length} characters`;
  if (origin === 'array' && Array.isArray(value)) return `${value.length} entries`;
  return found;
}

function unit(origin: string): string {
  return origin === 'string' ? ' characters' : origin === 'array' ? ' entries' : '';
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

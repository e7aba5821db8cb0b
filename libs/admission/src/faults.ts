import { HeddleError, problemText, type ErrorCode, type ObjectRef, type Problem } from '@heddle/model';

/** One reason to refuse a request. */
export interface Fault {
  readonly code: ErrorCode;
  readonly problem: Problem;
}

/** `App acme/shop`: how an object is named to people. */
export const nameOf = ({ kind, path }: { readonly kind: string; readonly path: string }): string => `${kind} ${path}`;

/** `App/acme/shop` as `App acme/shop`. */
export const nameOfKey = (key: string): string => key.replace('/', ' ');

export const fault = (code: ErrorCode, ref: ObjectRef | string, message: string, field?: string): Fault => {
  const name = typeof ref === 'string' ? nameOfKey(ref) : nameOf(ref);
  return { code, problem: { path: field ? `${name} ${field}` : name, message } };
};

/** When a request has several kinds of faults, the first of these that is among them is the code of the error. */
const BY_WEIGHT: readonly ErrorCode[] = ['forbidden', 'conflict', 'not-found', 'invalid', 'refused'];

const SHOWN = 5;

/** Throws one error with all the faults, if there are any. */
export function throwFaults(faults: readonly Fault[]): void {
  if (faults.length === 0) return;
  const code = BY_WEIGHT.find((candidate) => faults.some((f) => f.code === candidate)) ?? 'invalid';
  const problems = faults.map((f) => f.problem);
  const more = problems.length > SHOWN ? ` (and ${problems.length - SHOWN} more)` : '';
  throw new HeddleError(code, `${problems.slice(0, SHOWN).map(problemText).join('; ')}${more}`, { problems });
}

const LISTED = 20;

/** `App acme/shop, App acme/blog (and 3 more)`. */
export function list(names: readonly string[]): string {
  const more = names.length > LISTED ? ` (and ${names.length - LISTED} more)` : '';
  return `${names.slice(0, LISTED).join(', ')}${more}`;
}

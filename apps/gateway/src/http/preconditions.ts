import { HeddleError } from '@heddle/model';
import type { Request } from 'express';
import { ApiError } from './api-error';

/** `If-Match: REVISION` and `If-None-Match: *` as the revision that the caller expects; 0 means that nothing is there. */
export function expectedRevision(request: Request): number | undefined {
  const match = request.get('if-match');
  const noneMatch = request.get('if-none-match');
  if (match !== undefined && noneMatch !== undefined) {
    throw new HeddleError('invalid', 'found both If-Match and If-None-Match; allowed is one of them');
  }
  if (noneMatch !== undefined) {
    if (noneMatch.trim() === '*') return 0;
    throw new HeddleError('invalid', `found If-None-Match: ${noneMatch}; allowed is *`);
  }
  if (match === undefined) return undefined;
  const digits = /^\s*(?:"([0-9]{1,15})"|([0-9]{1,15}))\s*$/.exec(match);
  const revision = digits?.[1] ?? digits?.[2];
  if (revision === undefined)
    throw new HeddleError('invalid', `found If-Match: ${match}; allowed is a revision such as "42"`);
  return Number(revision);
}

/** A conflict that a precondition of the request asked for is 412 in HTTP. */
export async function withPrecondition<T>(expected: number | undefined, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (expected !== undefined && error instanceof HeddleError && error.code === 'conflict')
      throw new ApiError(412, error);
    throw error;
  }
}

export const entityTag = (revision: number): string => `"${revision}"`;

/** `?dryRun=true`. */
export function readFlag(value: unknown, name: string): boolean {
  if (value === undefined || value === 'false' || value === '0') return false;
  if (value === 'true' || value === '1' || value === '') return true;
  throw new HeddleError('invalid', `found ${name}=${String(value)}; allowed are true and false`);
}

const CHANGE_ID = /^[A-Za-z0-9._:-]{1,128}$/;

/** `Idempotency-Key` as the id of a change: repeating a request with it does nothing twice. */
export function changeIdOf(request: Request): { readonly changeId?: string } {
  const key = request.get('idempotency-key');
  if (key === undefined) return {};
  if (CHANGE_ID.test(key)) return { changeId: key };
  throw new HeddleError(
    'invalid',
    `found Idempotency-Key "${key.slice(0, 40)}"; allowed are 1 to 128 letters, digits and . _ : -`,
  );
}

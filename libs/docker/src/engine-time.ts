import { HeddleError } from '@heddle/model';

const RFC3339 = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(Z|[+-]\d{2}:\d{2})$/;

/** An instant in the form the engine's `since` takes, seconds and nanoseconds since 1970: `1795503600.000000001`. */
export function sinceParameter(instant: Date | string): string {
  const text = typeof instant === 'string' ? instant : Number.isNaN(instant.getTime()) ? '' : instant.toISOString();
  const match = RFC3339.exec(text);
  const seconds = match ? Date.parse(`${match[1]}${match[3]}`) / 1000 : NaN;
  if (!match || Number.isNaN(seconds)) {
    throw new HeddleError(
      'invalid',
      `found the time ${JSON.stringify(instant)}; allowed is RFC 3339 such as 2026-11-24T07:00:00.5Z`,
    );
  }
  return `${seconds}.${(match[2] ?? '').padEnd(9, '0')}`;
}

/** Nanoseconds since 1970, as events carry them, as RFC 3339 text. */
export function fromNanoseconds(nanoseconds: bigint): string {
  const seconds = nanoseconds / 1_000_000_000n;
  const fraction = String(nanoseconds % 1_000_000_000n).padStart(9, '0');
  return new Date(Number(seconds) * 1000).toISOString().replace(/\.\d+Z$/, `.${fraction}Z`);
}

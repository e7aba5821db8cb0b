import { UsageError } from './errors';

const UNITS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Reads `500ms`, `60s`, `2m`, `1h` or a bare number of seconds into milliseconds. @throws UsageError */
export function parseDuration(text: string): number {
  const match = /^([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)?$/.exec(text);
  const ms = match ? Math.round(Number(match[1]) * (UNITS[match[2] ?? 's'] ?? NaN)) : NaN;
  if (Number.isFinite(ms)) return ms;
  throw new UsageError(`found duration "${text}"; allowed is a number with a unit such as 500ms, 60s or 2m`);
}

/** Reads a whole number within bounds. @throws UsageError */
export function parseCount(name: string, text: string, min: number, max: number): number {
  const value = /^[0-9]+$/.test(text) ? Number(text) : NaN;
  if (value >= min && value <= max) return value;
  throw new UsageError(`found ${name} "${text}"; allowed is a whole number from ${min} to ${max}`);
}

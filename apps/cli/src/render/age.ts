const STEPS: readonly (readonly [unit: string, ms: number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
];

/** How long ago, in the largest unit that gives at least two of it, so that the error stays below a half: `95s`, `3m`, `26h`. */
export function age(since: string | undefined, now: number): string {
  const started = since === undefined ? NaN : Date.parse(since);
  if (Number.isNaN(started)) return '-';
  // Clocks of two machines differ: what seems to be in the future has just happened.
  const ms = Math.max(0, now - started);
  for (const [unit, size] of STEPS) if (ms >= 2 * size) return `${Math.floor(ms / size)}${unit}`;
  return `${Math.floor(ms / 1000)}s`;
}

/** A time that something took: `340 ms`, `2.4 s`, `1 m 12 s`. */
export function took(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  return `${Math.floor(ms / 60_000)} m ${Math.round((ms % 60_000) / 1000)} s`;
}

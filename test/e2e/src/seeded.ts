/** Seed of everything that a test chooses; the whole run has one. */
export const SEED = Number(process.env['HEDDLE_TEST_SEED'] ?? 20261124);

/** How often a test that costs seconds a time repeats itself: a few times, and ten times as often in a long run. */
export const ROUNDS = Math.max(2, Math.round(Number(process.env['HEDDLE_TEST_RUNS'] ?? 100) / 25));

/** Numbers from 0 to below 1 that only depend on the seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

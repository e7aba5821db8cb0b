import summaries from '../benches.json';
import type { Bench } from './bench';
import { bringUp } from './bring-up';
import { memory } from './memory/memory';
import { policy } from './policy/policy';
import { start } from './start/start';

/** The benches by name. What each is about stands in benches.json, which can be read before anything is built. */
export const BENCHES: Readonly<Record<keyof typeof summaries, Bench>> = {
  'bring-up': bringUp,
  start,
  memory,
  policy,
};

export const isBenchName = (name: string): name is keyof typeof BENCHES => Object.hasOwn(BENCHES, name);

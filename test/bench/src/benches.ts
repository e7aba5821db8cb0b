import summaries from '../benches.json';
import type { Bench } from './bench';
import { bringUp } from './bring-up';
import { datapathLadder } from './ladder/ladder';
import { ladderPicture } from './ladder/picture';
import { memory } from './memory/memory';
import { policy } from './policy/policy';
import type { JsonReport } from './report';
import { start } from './start/start';

export interface BenchEntry {
  readonly run: Bench;
  /** Whether it can be run with few and short samples. */
  readonly quick?: true;
  /** The result as a picture, in SVG. */
  readonly picture?: (report: JsonReport) => string;
}

/** The benches by name. What each is about stands in benches.json, which can be read before anything is built. */
export const BENCHES: Readonly<Record<keyof typeof summaries, BenchEntry>> = {
  'bring-up': { run: bringUp },
  start: { run: start },
  memory: { run: memory },
  policy: { run: policy },
  'datapath-ladder': { run: datapathLadder, quick: true, picture: ladderPicture },
};

export const isBenchName = (name: string): name is keyof typeof BENCHES => Object.hasOwn(BENCHES, name);

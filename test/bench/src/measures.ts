import type { Measure } from './bench';
import { median } from './statistics';

/** A measure from samples: their median, with the spread when there is more than one. */
export function measured(
  name: string,
  unit: string,
  samples: readonly number[],
  { goal, peer }: { goal?: number | undefined; peer?: Measure['peer'] } = {},
): Measure {
  const spread = { low: Math.min(...samples), high: Math.max(...samples), samples: samples.length };
  return {
    name,
    value: median(samples),
    unit,
    ...(goal === undefined ? {} : { goal }),
    ...(peer ? { peer } : {}),
    ...(samples.length > 1 ? { spread } : {}),
  };
}

/** Whether the goal is met; undefined where there is none. */
export function isMet({ value, goal }: Pick<Measure, 'value' | 'goal'>): boolean | undefined {
  return goal === undefined ? undefined : value <= goal;
}

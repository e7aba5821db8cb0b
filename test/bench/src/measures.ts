import type { Measure } from './bench';
import { median } from './statistics';

/** A measure from samples: their median, with the spread when there is more than one. */
export function measured(
  name: string,
  unit: string,
  samples: readonly number[],
  { goal, ...more }: { goal?: number | undefined } & Pick<Measure, 'peer' | 'bound' | 'interval' | 'cell'> = {},
): Measure {
  const spread = { low: Math.min(...samples), high: Math.max(...samples), samples: samples.length };
  return {
    name,
    value: median(samples),
    unit,
    ...(goal === undefined ? {} : { goal }),
    ...more,
    ...(samples.length > 1 ? { spread } : {}),
  };
}

/** Whether the goal is met; undefined where there is none. */
export function isMet({ value, goal, bound }: Pick<Measure, 'value' | 'goal' | 'bound'>): boolean | undefined {
  if (goal === undefined) return undefined;
  return bound === 'at least' ? value >= goal : value <= goal;
}

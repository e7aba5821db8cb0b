import { waitFor } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import type { Bench, BenchContext, Measure } from './bench';
import { BenchLab } from './lab/bench-lab';
import { file, TENANT } from './lab/application';
import { measured } from './measures';

const REPEATS = 3;
const HOSTS = 3;

/** Three applications of three tiers, 30 containers in all. */
const TIERS = {
  web: { replicas: 5, port: 8080 },
  api: { replicas: 3, port: 8081 },
  db: { replicas: 2, port: 8082 },
} as const;
const APPLICATIONS = file({ one: TIERS, two: TIERS, three: TIERS });
const CONTAINERS = 30;
/** What one of the tiers is scaled to. */
const SCALED = 11;
const MORE = SCALED - TIERS.web.replicas;
const GONE_MS = 120_000;

const UP = `lab up, ${HOSTS} hosts`;
const APPLY = `apply ${CONTAINERS} containers`;
const ENFORCED = `${APPLY}: all running, policy in force`;
/** Seconds. */
const GOALS: Readonly<Record<string, number>> = { [UP]: 15, [ENFORCED]: 20 };

/** From nothing to enforced applications, and back to nothing. */
export const bringUp: Bench = async (context) => {
  const passes: Pass[] = [];
  for (let i = 1; i <= REPEATS; i++) {
    context.log(`pass ${i} of ${REPEATS}`);
    passes.push(await pass(context));
  }
  return {
    measures: [...times(passes), ...probes(passes)],
    conditions: { hosts: HOSTS, containers: CONTAINERS, repeats: REPEATS },
  };
};

interface Pass {
  /** By measure. */
  readonly seconds: ReadonlyMap<string, number>;
  /** Connections that were tried, and those that were open or closed other than the policy says. */
  readonly probed: number;
  readonly mismatches: number;
}

/** What was promised comes first. */
function times(passes: readonly Pass[]): Measure[] {
  const names = new Set([...Object.keys(GOALS), ...passes.flatMap(({ seconds }) => [...seconds.keys()])]);
  return [...names].map((name) => {
    const samples = passes.flatMap(({ seconds }) => seconds.get(name) ?? []);
    return measured(name, 's', samples, { goal: GOALS[name] });
  });
}

/** Of all passes together: one wrong connection in one of them is one too many. */
function probes(passes: readonly Pass[]): Measure[] {
  const sum = (of: 'probed' | 'mismatches'): number[] => [passes.reduce((total, pass) => total + pass[of], 0)];
  return [
    measured('probe right after: connections tried', '', sum('probed')),
    measured('probe right after: not as the policy says', '', sum('mismatches'), { goal: 0 }),
  ];
}

async function pass(context: BenchContext): Promise<Pass> {
  const { clock, log } = context;
  const seconds = new Map<string, number>();
  const note = (name: string, ms: number): void => {
    seconds.set(name, ms / 1_000);
    log(`${name}: ${(ms / 1_000).toFixed(2)} s`);
  };
  const lab = await BenchLab.up(HOSTS, context);
  try {
    note(UP, lab.upSeconds * 1_000);
    for (const [step, took] of lab.steps) seconds.set(`${UP}, ${step}`, took);

    const applied = await lab.apply(APPLICATIONS);
    await expectRunning(lab, CONTAINERS);
    note(`${APPLY}: accepted`, applied.accepted);
    note(`${APPLY}: policy in force on all hosts`, applied.inForce);
    note(ENFORCED, applied.settled);
    const { results, mismatches } = await lab.api.probe({ tenant: TENANT, application: 'one', timeoutMs: 1_000 });

    const scaled = await lab.settled(() => lab.api.scale(`${TENANT}/one/web`, SCALED));
    await expectRunning(lab, CONTAINERS + MORE);
    note(`scale by ${MORE} containers`, scaled.settled);

    const deleted = clock.monotonic();
    await lab.api.deleteFile({ name: 'the bench', text: APPLICATIONS });
    await waitFor(async () => (await lab.running()) === 0, {
      deadlineMs: GONE_MS,
      what: 'all containers to be gone',
      clock,
      signal: context.signal,
    });
    note(`delete ${CONTAINERS + MORE} containers: all stopped`, clock.monotonic() - deleted);
    return { seconds, probed: results.length, mismatches };
  } finally {
    const started = clock.monotonic();
    await lab.down();
    note('lab down', clock.monotonic() - started);
  }
}

/** What the control plane says is worth measuring only if the engines say the same. */
async function expectRunning(lab: BenchLab, wanted: number): Promise<void> {
  const running = await lab.running();
  if (running === wanted) return;
  throw new HeddleError('internal', `the change counts as settled, but ${running} of ${wanted} containers run`);
}

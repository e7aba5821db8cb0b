import { HeddleError } from '@heddle/model';
import type { Bench, BenchContext, Measure } from '../bench';
import { measured } from '../measures';
import { rotated } from '../order';
import { medianInterval, ratioInterval, ratioOfMedians, seededRandom, type Round } from '../statistics';
import { measure, prepare, type Lengths, type Sample } from './meters';
import { inFrames, linuxBridge, loopback, macvlan, veth, type Rung, type RungBuilder } from './rungs';
import { acrossFabric, acrossTunnel, RULES, withoutPolicy, withPolicy } from './switched-rungs';
import { Testbed } from './testbed';

const ROUNDS = 10;
/** Not counted: buffers, caches and tables grow to what they need. */
const WARM_UP = 1;
const LENGTHS: Lengths = { throughput: ['--time', '1'], roundTrips: 0.4, connections: 0.4 };
const QUICK: Lengths = { throughput: ['--bytes', '16M'], roundTrips: 0.05, connections: 0.05 };
const RESAMPLES = 4_000;
const SEED = 20261124;

const BRIDGE = 'Linux bridge';
const MACVLAN = 'macvlan';
const BRIDGE_FRAMES = 'Linux bridge, frames of 1,500';
const MACVLAN_FRAMES = 'macvlan, frames of 1,500';
const PLAIN = 'OVS, no TSO';
const POLICY = 'OVS, 10,000 rules, no TSO';
const POLICY_TSO = 'OVS, 10,000 rules, TSO';
const PLAIN_TSO = 'OVS, TSO';
const VXLAN = 'two hosts, VXLAN, 10,000 rules, no TSO';
const VLAN = 'two hosts, VLAN, 10,000 rules, TSO';

/** From the least in the way to the most. */
const RUNGS: ReadonlyArray<readonly [name: string, id: string, build: RungBuilder]> = [
  ['loopback', 'lo', loopback],
  ['veth', 'veth', veth],
  [MACVLAN, 'mv', macvlan],
  [BRIDGE, 'br', linuxBridge],
  [MACVLAN_FRAMES, 'mvf', inFrames(macvlan)],
  [BRIDGE_FRAMES, 'brf', inFrames(linuxBridge)],
  [PLAIN_TSO, 'ot', withoutPolicy({ tso: true })],
  [POLICY_TSO, 'pt', withPolicy({ tso: true })],
  [VLAN, 'vlan', acrossFabric],
  [PLAIN, 'o', withoutPolicy({ tso: false })],
  [POLICY, 'p', withPolicy({ tso: false })],
  [VXLAN, 'vx', acrossTunnel],
];

/** What is measured of each rung, in the order of the table. */
const COLUMNS: ReadonlyArray<{ readonly key: keyof Sample; readonly name: string; readonly unit: string }> = [
  { key: 'throughput', name: 'throughput', unit: 'Gb/s' },
  { key: 'roundTrip', name: 'round trip', unit: 'µs' },
  { key: 'roundTrip99', name: 'round trip p99', unit: 'µs' },
  { key: 'connections', name: 'connections', unit: '/s' },
  { key: 'cpu', name: 'processor', unit: 's/Gb' },
];

/** Ratios within a round. Of times the ratio is turned round, so that more is better everywhere. */
const RATIOS: ReadonlyArray<{
  readonly key: keyof Sample;
  readonly of: string;
  readonly to: string;
  readonly goal?: number;
}> = [
  { key: 'throughput', of: MACVLAN, to: BRIDGE, goal: 1.1 },
  { key: 'throughput', of: MACVLAN_FRAMES, to: BRIDGE_FRAMES },
  { key: 'throughput', of: POLICY_TSO, to: BRIDGE, goal: 0.5 },
  { key: 'roundTrip', of: MACVLAN, to: BRIDGE },
  { key: 'throughput', of: POLICY_TSO, to: PLAIN_TSO },
  { key: 'connections', of: POLICY_TSO, to: PLAIN_TSO },
  { key: 'throughput', of: POLICY_TSO, to: POLICY },
  { key: 'throughput', of: VLAN, to: VXLAN },
];

/** Every sample of a round by the name of its rung. */
type RoundSamples = ReadonlyMap<string, Sample>;

/**
 * The ways that a packet can take on one machine, measured in turn, so that what else the machine does is spread over all of
 * them. A rung that cannot be built here is left out, and the conditions say why.
 */
export const datapathLadder: Bench = async (context) => {
  const bed = await Testbed.open();
  try {
    const { rungs, missing } = await build(bed, context);
    const rounds = await climb(bed, rungs, context);
    return {
      measures: [...ratios(rounds), ...cells(rungs, rounds)],
      conditions: { rounds: rounds.length, rules: RULES, lengths: lengthsOf(context), notMeasured: missing },
    };
  } finally {
    await bed.close();
  }
};

const lengthsOf = ({ quick }: BenchContext): Lengths => (quick ? QUICK : LENGTHS);

async function build(
  bed: Testbed,
  { signal, log }: BenchContext,
): Promise<{ rungs: Rung[]; missing: Readonly<Record<string, string>> }> {
  const rungs: Rung[] = [];
  const missing: Record<string, string> = {};
  for (const [name, id, builder] of RUNGS) {
    try {
      const rung = { name, ...(await builder(bed, id)) };
      await prepare(bed, rung, signal);
      rungs.push(rung);
    } catch (error) {
      signal.throwIfAborted();
      missing[name] = HeddleError.from(error).message;
      log(`${name} cannot be measured here: ${missing[name]}`);
    }
  }
  return { rungs, missing };
}

async function climb(bed: Testbed, rungs: readonly Rung[], context: BenchContext): Promise<RoundSamples[]> {
  const { signal, log, quick } = context;
  const [warmUp, counted] = quick ? [0, 1] : [WARM_UP, ROUNDS];
  const rounds: RoundSamples[] = [];
  for (let round = -warmUp; round < counted; round++) {
    const samples = new Map<string, Sample>();
    for (const rung of rotated(rungs, round + warmUp)) {
      signal.throwIfAborted();
      samples.set(rung.name, await measure(bed, rung, lengthsOf(context), signal));
    }
    if (round >= 0) rounds.push(samples);
    log(round < 0 ? 'warmed up' : `${round + 1} of ${counted} rounds`);
  }
  return rounds;
}

function cells(rungs: readonly Rung[], rounds: readonly RoundSamples[]): Measure[] {
  const random = seededRandom(SEED);
  return rungs.flatMap(({ name: row }) =>
    COLUMNS.map(({ key, name: column, unit }) => {
      const values = valuesOf(rounds, row, key);
      const interval = medianInterval(values, { resamples: RESAMPLES, random });
      return measured(`${column}, ${row}`, unit, values, { interval, cell: { row, column } });
    }),
  );
}

function ratios(rounds: readonly RoundSamples[]): Measure[] {
  const random = seededRandom(SEED);
  return RATIOS.flatMap(({ key, of, to, goal }) => {
    const pairs = rounds.flatMap((round) => pairOf(round, of, to, key));
    if (pairs.length < rounds.length) return [];
    const column = COLUMNS.find((known) => known.key === key)?.name ?? key;
    const measure: Measure = {
      ...measured(
        `${column}, ${isTime(key) ? `${to} / ${of}` : `${of} / ${to}`}`,
        'x',
        pairs.map(({ ours, peer }) => ours / peer),
        { goal, bound: 'at least', interval: ratioInterval(pairs, { resamples: RESAMPLES, random }) },
      ),
      value: ratioOfMedians(pairs),
    };
    return [measure];
  });
}

/** Both in one round; of times the other way round. Nothing when one of them is not measured. */
function pairOf(round: RoundSamples, of: string, to: string, key: keyof Sample): Round[] {
  const [value, other] = [round.get(of)?.[key], round.get(to)?.[key]];
  if (value === undefined || other === undefined) return [];
  return [isTime(key) ? { ours: other, peer: value } : { ours: value, peer: other }];
}

const isTime = (key: keyof Sample): boolean => key === 'roundTrip' || key === 'roundTrip99';

function valuesOf(rounds: readonly RoundSamples[], rung: string, key: keyof Sample): number[] {
  return rounds.flatMap((round) => round.get(rung)?.[key] ?? []);
}

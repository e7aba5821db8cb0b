import { buildDemoImage, TestEngine } from '@heddle/docker';
import { HeddleError } from '@heddle/model';
import type { Bench, BenchContext, Measure } from '../bench';
import { file, TENANT } from '../lab/application';
import { BenchLab } from '../lab/bench-lab';
import { measured } from '../measures';
import { median, ratioInterval, ratioOfMedians, seededRandom, type Round } from '../statistics';
import { rotated } from '../order';
import { PluginLog, type HandlerTimes } from './plugin-log';
import { RawEngine, type Attachment } from './raw-engine';

const ROUNDS = 20;
/** Not counted: first uses of a network, of an image's layers, of everything that is loaded on demand. */
const WARM_UP = 2;
const RATIO_GOAL = 1.05;
const HANDLERS_GOAL_MS = 15;
/** Of documentation (RFC 5737): in a namespace of the peer's own. */
const PEER_BRIDGE = '198.51.100.1/24';
const SEED = 20261124;

const OURS = 'our network';
const BRIDGE = 'bridge network of a user';
const DEFAULT_BRIDGE = 'default bridge';
const NONE = 'no network';
const KINDS = [OURS, BRIDGE, DEFAULT_BRIDGE, NONE] as const;
type Kind = (typeof KINDS)[number];

/** Milliseconds of one container. */
interface Times {
  readonly create: number;
  readonly start: number;
  readonly remove: number;
}

interface Place extends Attachment {
  readonly engine: RawEngine;
}

/**
 * Create and start of one container after another: on our network in a lab host's engine, on bridge networks of an engine
 * of the same kind beside it (with its firewall rules, as a user has them), and on none.
 */
export const start: Bench = async (context) => {
  const lab = await BenchLab.up(1, context);
  try {
    await lab.apply(file({ start: { web: { replicas: 1, port: 8080 } } }));
    const peer = await TestEngine.start({ liveRestore: true, bridge: PEER_BRIDGE });
    try {
      await buildDemoImage(peer.engine);
      return { measures: await compare(lab, peer, context), conditions: { rounds: ROUNDS } };
    } finally {
      await peer.stop();
    }
  } finally {
    await lab.down();
  }
};

async function compare(lab: BenchLab, peer: TestEngine, context: BenchContext): Promise<Measure[]> {
  const host = lab.host('h1');
  const ours = new RawEngine((await host.config()).docker.socket);
  const theirs = new RawEngine(peer.dirs.socket);
  await theirs.createBridgeNetwork('bench');
  const places: Readonly<Record<Kind, Place>> = {
    [OURS]: { engine: ours, network: await networkOf(lab), driverOpts: { 'heddle.epg': `${TENANT}/start/web` } },
    [BRIDGE]: { engine: theirs, network: 'bench' },
    [DEFAULT_BRIDGE]: { engine: theirs, network: 'bridge' },
    [NONE]: { engine: ours, network: 'none' },
  };
  const log = new PluginLog(host.logFile('attach'));
  const rounds: Record<Kind, Times>[] = [];
  const handlers: HandlerTimes[] = [];
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    context.signal.throwIfAborted();
    const counted = round >= 0;
    const times: Partial<Record<Kind, Times>> = {};
    for (const kind of rotated(KINDS, round + WARM_UP)) {
      await log.skip();
      times[kind] = await once(places[kind], `bench-${round + WARM_UP}`, context, async () => {
        if (kind === OURS && counted) handlers.push(seen(await log.next()));
      });
    }
    if (counted) rounds.push(times as Record<Kind, Times>);
    if (counted && (round + 1) % 5 === 0) context.log(`${round + 1} of ${ROUNDS} rounds`);
  }
  return [...ratios(rounds), ...shares(handlers), ...absolute(rounds)];
}

/** One container's way, one call after another; what `started` looks at is between start and removal, and not timed. */
async function once(
  { engine, ...attachment }: Place,
  name: string,
  { clock }: BenchContext,
  started: () => Promise<void>,
): Promise<Times> {
  const timed = async <T>(work: () => Promise<T>): Promise<readonly [T, number]> => {
    const began = clock.monotonic();
    const result = await work();
    return [result, clock.monotonic() - began];
  };
  const [id, create] = await timed(() => engine.create(name, attachment));
  const [, start] = await timed(() => engine.start(id));
  await started();
  const [, remove] = await timed(() => engine.remove(id));
  return { create, start, remove };
}

/** A log that says nothing of the engine's calls would be taken for handlers that need no time. */
function seen(times: HandlerTimes): HandlerTimes {
  if (times.calls.has('NetworkDriver.Join') && times.parts.has('policy')) return times;
  throw new HeddleError(
    'internal',
    "the attach daemon's log does not tell what a start took: no Join, or not its parts",
  );
}

/** The network that the agent made for the tenant's bridge domain. */
async function networkOf(lab: BenchLab): Promise<string> {
  const networks = await (await lab.engine('h1')).listNetworks();
  const found = networks.find(({ driver }) => driver === 'heddle');
  if (!found) throw new Error(`the engine has no network of ours among ${networks.map(({ name }) => name).join(', ')}`);
  return found.name;
}

const total = ({ create, start }: Times): number => create + start;

function ratios(rounds: readonly Record<Kind, Times>[]): Measure[] {
  return ([BRIDGE, DEFAULT_BRIDGE, NONE] as const).flatMap((peer) => {
    const pairs: Round[] = rounds.map((round) => ({ ours: total(round[OURS]), peer: total(round[peer]) }));
    const { low, high } = ratioInterval(pairs, { random: seededRandom(SEED) });
    const name = `create + start, ${OURS} / ${peer}`;
    return [
      { name, value: ratioOfMedians(pairs), unit: 'x', ...(peer === BRIDGE ? { goal: RATIO_GOAL } : {}) },
      { name: `${name}, lower end of 95 % interval`, value: low, unit: 'x' },
      { name: `${name}, upper end of 95 % interval`, value: high, unit: 'x' },
    ];
  });
}

function shares(handlers: readonly HandlerTimes[]): Measure[] {
  const names = (of: 'calls' | 'parts'): string[] => [...new Set(handlers.flatMap((times) => [...times[of].keys()]))];
  const each = (of: 'calls' | 'parts', label: string): Measure[] =>
    names(of).map((name) => measured(`${label}${name}`, 'ms', handlers.map((times) => times[of].get(name) ?? 0))); // prettier-ignore
  return [
    measured('our handlers, a start', 'ms', handlers.map(({ all }) => all), { goal: HANDLERS_GOAL_MS }), // prettier-ignore
    ...each('calls', 'our handlers, '),
    ...each('parts', 'our handlers, inside Join: '),
  ];
}

function absolute(rounds: readonly Record<Kind, Times>[]): Measure[] {
  const of = (kind: Kind, part: (times: Times) => number): number[] => rounds.map((round) => part(round[kind]));
  return KINDS.flatMap((kind) => [
    measured(
      `create + start, ${kind}`,
      'ms',
      of(kind, total),
      kind === OURS ? { peer: { name: BRIDGE, value: median(of(BRIDGE, total)) } } : {},
    ),
    measured(`create, ${kind}`, 'ms', of(kind, (times) => times.create)), // prettier-ignore
    measured(`start, ${kind}`, 'ms', of(kind, (times) => times.start)), // prettier-ignore
    measured(`remove, ${kind}`, 'ms', of(kind, (times) => times.remove)), // prettier-ignore
  ]);
}

import type { Bench, BenchContext, Measure } from '../bench';
import { file } from '../lab/application';
import { BenchLab } from '../lab/bench-lab';
import { measured } from '../measures';
import { childrenOf, processMemory, type ProcessMemory } from './process-memory';

const HOSTS = 3;
const ENDPOINTS = 100;
/** The host that has all of them. */
const FULL = 'h1';
const SERVER_GOAL_MB = 250;
const HOST_GOAL_MB = 150;
/** Memory moves with every garbage collection: read once a second, for so long. */
const SAMPLES = 15;
const SAMPLE_EVERY_MS = 1_000;

/** Processes that are added up under one name. */
interface Group {
  readonly name: string;
  readonly pids: readonly number[];
  readonly goal?: number;
}

/** Megabytes by group: a reading after the other. */
type Readings = ReadonlyMap<string, readonly ProcessMemory[]>;

/**
 * 100 endpoints on one host of three: that host has them as its own, the others as everybody's, the control plane has all.
 */
export const memory: Bench = async (context) => {
  const lab = await BenchLab.up(HOSTS, context);
  try {
    const idle = await sample(lab, context);
    context.log(`starting ${ENDPOINTS} containers on ${FULL}`);
    await lab.apply(file({ memory: { web: { replicas: ENDPOINTS, port: 8080, host: FULL } } }));
    const full = await sample(lab, context);
    const goals = new Map((await groupsOf(lab)).map(({ name, goal }) => [name, goal]));
    return {
      measures: [
        ...[...full].flatMap(([name, readings]) =>
          measuresOf(`${name}, with ${ENDPOINTS} endpoints`, readings, goals.get(name)),
        ),
        ...[...idle].flatMap(([name, readings]) => measuresOf(`${name}, with none`, readings)),
      ],
      conditions: { hosts: HOSTS, endpoints: ENDPOINTS, samples: SAMPLES },
    };
  } finally {
    await lab.down();
  }
};

/** As they are now: an attach daemon has children that it starts when it first needs them. */
async function groupsOf(lab: BenchLab): Promise<Group[]> {
  const server = await lab.control.pid('server');
  const withChildren = async (pid: number): Promise<number[]> => [pid, ...(await childrenOf(pid))];
  const of = async (host: string): Promise<{ agent: number[]; attach: number[] }> => ({
    agent: await withChildren(await lab.host(host).pid('agent')),
    attach: await withChildren(await lab.host(host).pid('attach')),
  });
  const [full, other] = await Promise.all([of(FULL), of('h2')]);
  return [
    { name: 'heddle server', pids: [server], goal: SERVER_GOAL_MB },
    { name: 'nats-server, its child', pids: await childrenOf(server) },
    { name: 'agent and attach daemon where they are', pids: [...full.agent, ...full.attach], goal: HOST_GOAL_MB },
    { name: 'agent where they are', pids: full.agent },
    { name: 'attach daemon where they are', pids: full.attach },
    { name: 'agent and attach daemon of another host', pids: [...other.agent, ...other.attach], goal: HOST_GOAL_MB },
  ];
}

async function sample(lab: BenchLab, { clock, signal }: BenchContext): Promise<Readings> {
  const readings = new Map<string, ProcessMemory[]>();
  for (let i = 0; i < SAMPLES; i++) {
    await clock.sleep(SAMPLE_EVERY_MS, signal);
    for (const { name, pids } of await groupsOf(lab)) {
      const each = await Promise.all(pids.map(processMemory));
      const sum = (kind: keyof ProcessMemory): number => each.reduce((total, one) => total + one[kind], 0);
      readings.set(name, [...(readings.get(name) ?? []), { rss: sum('rss'), pss: sum('pss') }]);
    }
  }
  return readings;
}

function measuresOf(what: string, readings: readonly ProcessMemory[], goal?: number): Measure[] {
  return [
    measured(`resident, ${what}`, 'MB', readings.map(({ rss }) => rss), { goal }), // prettier-ignore
    measured(`proportional, ${what}`, 'MB', readings.map(({ pss }) => pss)), // prettier-ignore
  ];
}

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { waitFor, type RunOptions } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import { kernelNetworkSeconds, processSeconds } from './cpu-time';
import type { Rung } from './rungs';
import type { Testbed } from './testbed';

const PROGRAM = path.join(__dirname, 'ping-pong.pl');
export const IPERF_PORT = 5201;
export const PING_PONG_PORT = 7001;
/** What a client may need beside the time that it measures. */
const SLACK_MS = 15_000;
/** Addresses are resolved, and a switch learns, with the first packets; some are lost. */
const FIRST_MS = 10_000;

/** How long each thing is measured. */
export interface Lengths {
  /** What iperf3 sends: `--time` in whole seconds, or `--bytes`. */
  readonly throughput: readonly [`--${'time' | 'bytes'}`, string];
  /** Seconds. */
  readonly roundTrips: number;
  readonly connections: number;
}

/** One rung, measured once. */
export interface Sample {
  /** Gigabits a second of payload, one TCP stream. */
  readonly throughput: number;
  /** Seconds of processor time for a gigabit, of both ends and all that forwards. */
  readonly cpu: number;
  /** Microseconds for one byte there and one back, over a connection that stays. */
  readonly roundTrip: number;
  readonly roundTrip99: number;
  /** Connections a second, one after the other, each with one byte there and back. */
  readonly connections: number;
}

/** Starts the servers of a rung, and waits until they can be reached. @throws HeddleError when they cannot */
export async function prepare(bed: Testbed, rung: Rung, signal: AbortSignal): Promise<void> {
  const { netns, address } = rung.server;
  await Promise.all([
    bed.serve(
      netns,
      ['iperf3', '--server', '--bind', address, '--port', String(IPERF_PORT), '--forceflush'],
      /listening/,
    ),
    bed.serve(
      netns,
      [...(await onOneProcessor()), 'perl', PROGRAM, 'serve', address, String(PING_PONG_PORT)],
      /^ready$/,
    ),
  ]);
  let last = '';
  await waitFor(
    () =>
      pingPong(bed, rung, 'connections', 0.01, { deadlineMs: 2_000, signal }).catch((error: unknown) => {
        last = HeddleError.from(error).message;
        return undefined;
      }),
    { deadlineMs: FIRST_MS, what: () => `a first connection (${rung.name}): ${last}`, signal },
  );
}

export async function measure(bed: Testbed, rung: Rung, lengths: Lengths, signal: AbortSignal): Promise<Sample> {
  const { throughput, cpu } = await stream(bed, rung, lengths.throughput, signal);
  const timed = (seconds: number): RunOptions => ({ deadlineMs: seconds * 1_000 + SLACK_MS, signal });
  const trips = await pingPong(bed, rung, 'round-trips', lengths.roundTrips, timed(lengths.roundTrips));
  const opened = await pingPong(bed, rung, 'connections', lengths.connections, timed(lengths.connections));
  return {
    throughput,
    cpu,
    roundTrip: trips.p50,
    roundTrip99: trips.p99,
    connections: opened.count / opened.seconds,
  };
}

/** The parts of iperf3's report that are used. */
interface StreamReport {
  readonly end: {
    readonly sum_received: { readonly bytes: number; readonly seconds: number; readonly bits_per_second: number };
    /** Of one processor. */
    readonly cpu_utilization_percent: { readonly host_total: number; readonly remote_total: number };
  };
}

async function stream(
  bed: Testbed,
  { client, server, switches }: Rung,
  length: Lengths['throughput'],
  signal: AbortSignal,
): Promise<Pick<Sample, 'throughput' | 'cpu'>> {
  const forwarding = async (): Promise<number> => {
    const each = await Promise.all([kernelNetworkSeconds(), ...switches.map(processSeconds)]);
    return each.reduce((sum, seconds) => sum + seconds, 0);
  };
  const before = await forwarding();
  const argv = ['iperf3', '--client', server.address, '--port', String(IPERF_PORT), ...length, '--json'];
  const { stdout } = await bed.run(client.netns, argv, { deadlineMs: SLACK_MS, signal });
  const after = await forwarding();
  const { sum_received: received, cpu_utilization_percent: ends } = (JSON.parse(stdout) as StreamReport).end;
  const endSeconds = ((ends.host_total + ends.remote_total) / 100) * received.seconds;
  return {
    throughput: received.bits_per_second / 1e9,
    cpu: (after - before + endSeconds) / ((received.bytes * 8) / 1e9),
  };
}

interface PingPong {
  readonly count: number;
  readonly seconds: number;
  readonly p50: number;
  readonly p99: number;
}

async function pingPong(
  bed: Testbed,
  { client, server }: Rung,
  what: 'round-trips' | 'connections',
  seconds: number,
  options: RunOptions,
): Promise<PingPong> {
  const argv = [
    ...(await onOneProcessor()),
    'perl',
    PROGRAM,
    what,
    server.address,
    String(PING_PONG_PORT),
    String(seconds),
  ];
  return JSON.parse((await bed.run(client.netns, argv, options)).stdout) as PingPong;
}

/**
 * The words before a command that keep it on one processor, the same for all. Of a client and a server that wait for each
 * other only one has work at a time; whether the scheduler lets them share a processor or has one wake the other up on
 * another makes more of a difference than the way between them.
 */
async function onOneProcessor(): Promise<string[]> {
  const allowed = /^Cpus_allowed_list:\s*(\d+)/m.exec(await readFile('/proc/self/status', 'utf8'))?.[1];
  return allowed === undefined ? [] : ['taskset', '--cpu-list', allowed];
}

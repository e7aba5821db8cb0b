import type { Liveness } from '@heddle/placement';

/** The life of one host, as its heartbeats tell it. */
export interface HostLiveness {
  readonly state: Liveness;
  /** When `state` took its value, in ms since the epoch. */
  readonly since: number;
  /** When it was last heard from; undefined: never. */
  readonly lastHeartbeat: number | undefined;
  /** For people. */
  readonly reason: string;
}

export interface LivenessOptions {
  /** A host that is silent for this long is lost. At least twice the interval of heartbeats, better three times. */
  readonly windowMs: number;
  /** More than this part of the hosts (and at least two) silent at once is taken for a fault on our side. */
  readonly massLossFraction: number;
  /**
   * Since when heartbeats can be heard: when NATS was connected, or the process began to listen. Undefined while NATS is
   * away: nobody is lost then.
   */
  readonly natsConnectedSince: number | undefined;
}

/**
 * Judges every host by its last heartbeat. Silence for half the window makes it suspect: nothing new is placed there.
 * Silence for the whole window makes it lost: its instances are replaced. Absence of news proves little, so
 * - silence counts from the time from which news could arrive: a whole window after NATS was away;
 * - when many hosts fall silent at once, each of them has a second window;
 * - while NATS is away, nobody is lost;
 * - a lost host stays lost until it is heard from again, whatever becomes of the others.
 *
 * @param heartbeats time of the last heartbeat of every known host, by our own clock; undefined if there was none.
 * @param previous the last result; empty at the start of the process.
 */
export function hostLiveness(
  heartbeats: ReadonlyMap<string, number | undefined>,
  now: number,
  options: LivenessOptions,
  previous: ReadonlyMap<string, HostLiveness> = new Map(),
): Map<string, HostLiveness> {
  const { windowMs, massLossFraction, natsConnectedSince } = options;
  const hosts = [...heartbeats].map(([name, last]) => observe(name, last, now, natsConnectedSince, previous.get(name)));
  const undecided = hosts.filter((host) => !host.staysLost);
  const silent = undecided.filter((host) => host.silence >= windowMs / 2 && host.silence < 2 * windowMs);
  const massLoss = silent.length >= 2 && silent.length > massLossFraction * undecided.length;

  const judge = (host: Observed): Pick<HostLiveness, 'state' | 'reason'> => {
    if (host.staysLost) return { state: 'lost', reason: host.before?.reason ?? heard(host) };
    if (host.age < windowMs / 2) return { state: 'ready', reason: heard(host) };
    if (natsConnectedSince === undefined) return { state: 'suspect', reason: `${heard(host)}, but NATS is away` };
    if (host.silence < windowMs) return { state: 'suspect', reason: heard(host) };
    if (massLoss && host.silence < 2 * windowMs) {
      const reason = `${heard(host)}; ${silent.length} of ${undecided.length} hosts are silent at once, so it has another window`;
      return { state: 'suspect', reason };
    }
    return { state: 'lost', reason: `${heard(host)}; given up after ${seconds(host.silence)} of silence` };
  };
  return new Map(
    hosts.map((host) => {
      const { state, reason } = judge(host);
      const since = host.before?.state === state ? host.before.since : now;
      return [host.name, { state, since, lastHeartbeat: host.last, reason }];
    }),
  );
}

interface Observed {
  readonly name: string;
  readonly last: number | undefined;
  /** ms since the last heartbeat. */
  readonly age: number;
  /** ms during which a heartbeat could have arrived and did not; 0 while NATS is away. */
  readonly silence: number;
  readonly before: HostLiveness | undefined;
  readonly staysLost: boolean;
}

function observe(
  name: string,
  last: number | undefined,
  now: number,
  connectedSince: number | undefined,
  before: HostLiveness | undefined,
): Observed {
  const heardAt = last ?? -Infinity;
  return {
    name,
    last,
    age: Math.max(0, now - heardAt),
    silence: connectedSince === undefined ? 0 : Math.max(0, now - Math.max(heardAt, connectedSince)),
    before,
    staysLost: before?.state === 'lost' && heardAt <= (before.lastHeartbeat ?? -Infinity),
  };
}

const heard = ({ last, age }: Observed): string =>
  last === undefined ? 'never heard from' : `last heard from ${seconds(age)} ago`;

const seconds = (ms: number): string => `${Math.round(ms / 100) / 10} s`;

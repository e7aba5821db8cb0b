import { resolvedKey, type ResolvedEntry, type ResolvedRule, type RuleFilter } from '@heddle/model';
import { IPERF_PORT, PING_PONG_PORT } from './meters';

/** EPGs of the two ends; the client may open connections to the server. */
export const CLIENT = { epg: 'bench/ladder/client', classId: 16 };
export const SERVER = { epg: 'bench/ladder/server', classId: 17 };

const VRF = 1;
const BRIDGE_DOMAIN = 1;
const TCP = 6;
const UDP = 17;
/** Zoning priority of a contract between two EPGs. */
const PRIORITY = 7;
/** Other EPGs, between which all other rules are: half provide, half consume. */
const OTHER_CLASSES = 100;
const FIRST_CLASS = 1_000;

/**
 * Resolved policy with so many rules. Two of them are those that the measured connections need, the others are between a
 * hundred other EPGs: most for one port, some for a range of ports, some for a protocol.
 */
export function policyOf(count: number): ReadonlyMap<string, ResolvedEntry> {
  const entries: ResolvedEntry[] = [
    { type: 'vrf', path: 'bench/default', id: VRF, enforcement: 'enforced' },
    { type: 'bridge-domain', path: 'bench/default', id: BRIDGE_DOMAIN, vrf: VRF, gateways: ['10.20.0.254/24'] },
    ...[CLIENT, SERVER].map(({ epg, classId }): ResolvedEntry => {
      const place = { vrf: VRF, bridgeDomain: BRIDGE_DOMAIN, domain: 'default' };
      return { type: 'class', epg, epgUid: epg, classId, ...place, isolation: 'unenforced' };
    }),
    ...[IPERF_PORT, PING_PONG_PORT].map((port, i) => rule(i, CLIENT.classId, SERVER.classId, oneOf(TCP, port, port))),
    ...Array.from({ length: count - 2 }, (_, i) => otherRule(i)),
  ];
  return new Map(entries.map((entry) => [resolvedKey(entry), entry]));
}

function otherRule(i: number): ResolvedRule {
  const half = OTHER_CLASSES / 2;
  const source = FIRST_CLASS + (i % half);
  const destination = FIRST_CLASS + half + (Math.floor(i / half) % half);
  // Each pair of classes gets another filter with each time round.
  const port = 1_024 + 64 * Math.floor(i / (half * half));
  return rule(i + 2, source, destination, filterOf(i % 10, port));
}

function filterOf(digit: number, port: number): RuleFilter {
  if (digit < 7) return oneOf(TCP, port, port);
  if (digit < 9) return oneOf(TCP, port, port + 15);
  return { protocol: UDP, destinationPorts: { from: port, to: port }, entry: 'datagrams' };
}

const oneOf = (protocol: number, from: number, to: number): RuleFilter => ({
  protocol,
  destinationPorts: { from, to },
  entry: 'ports',
});

const rule = (number: number, source: number, destination: number, filter: RuleFilter): ResolvedRule => ({
  type: 'rule',
  id: number.toString(16).padStart(12, '0'),
  vrf: VRF,
  source,
  destination,
  filter,
  action: 'permit',
  priority: PRIORITY,
  origin: `bench/ladder--${number}`,
});

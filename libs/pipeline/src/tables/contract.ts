import type { ResolvedRule, RuleFilter } from '@heddle/model';
import { rulePrecedence } from '@heddle/policy-engine';
import { ruleCookie } from '../cookie';
import type { Flow, Match } from '../openflow/flow';
import { portMasks, type PortMask } from '../port-mask';
import { REGISTER, is } from '../registers';
import { ctState, flow, goto, IP, otherwiseDrop, PROTO } from './shared';

/** Above the table's own last flow; the rest of the number is the precedence of the rule. */
const BASE_PRIORITY = 1000;

/**
 * The flows of one rule. Ports are those of the connection's first packet (`ct_nw_proto`, `ct_tp_dst`), so the same flow
 * matches replies and the ICMP errors that a connection causes.
 */
export function flowsOfRule(rule: ResolvedRule): Flow[] {
  const priority = BASE_PRIORITY + rulePrecedence(rule);
  const cookie = ruleCookie(rule.id);
  const actions = rule.action === 'permit' ? [goto('commit')] : [];
  const classes: Match = {
    ...(rule.source === 0 || rule.destination === 0 ? is('vrf', rule.vrf) : {}),
    ...(rule.source === 0 ? {} : is('sourceClass', rule.source)),
    ...(rule.destination === 0 ? {} : is('destinationClass', rule.destination)),
  };
  const flows = filterMatches(rule.filter).map((match) =>
    flow('contract', priority, { ...ctState(['trk'], ['inv']), ...IP, ...classes, ...match }, actions, cookie),
  );
  if (
    rule.action === 'permit' &&
    rule.filter &&
    BigInt(rule.filter.protocol ?? 0) === PROTO.udp &&
    hasPorts(rule.filter)
  ) {
    flows.push(laterFragments(classes, priority, cookie));
  }
  return flows;
}

/**
 * The later fragments of a datagram that opens a connection carry no ports, so no port match can admit them, and without
 * them the datagram is never put together. They are let through to the commit for a pair of classes that has a UDP permit;
 * a first fragment to a port that is not permitted is still dropped, and with it the datagram.
 */
const laterFragments = (classes: Match, priority: number, cookie: bigint): Flow =>
  flow(
    'contract',
    priority,
    { ...ctState(['trk', 'new']), ...IP, ip_frag: LATER_FRAGMENT, ...classes, ct_nw_proto: PROTO.udp },
    [goto('commit')],
    cookie,
  );

/** `nw_frag=later`: both fragment bits set. */
const LATER_FRAGMENT = { value: 3n, mask: 3n };

const hasPorts = (filter: RuleFilter): boolean =>
  filter.sourcePorts !== undefined || filter.destinationPorts !== undefined;

function filterMatches(filter: RuleFilter | undefined): Match[] {
  if (!filter || filter.protocol === undefined) return [{}];
  const protocol: Match = { ct_nw_proto: BigInt(filter.protocol) };
  // For ICMP the connection's "source port" is the type of its first message.
  if (filter.icmpType !== undefined) return [{ ...protocol, ct_tp_src: BigInt(filter.icmpType) }];
  const sources = filter.sourcePorts ? portMasks(filter.sourcePorts.from, filter.sourcePorts.to) : [undefined];
  const destinations = filter.destinationPorts
    ? portMasks(filter.destinationPorts.from, filter.destinationPorts.to)
    : [undefined];
  return sources.flatMap((source) =>
    destinations.map((destination) => ({
      ...protocol,
      ...(source ? { ct_tp_src: portMatch(source) } : {}),
      ...(destination ? { ct_tp_dst: portMatch(destination) } : {}),
    })),
  );
}

const portMatch = ({ value, mask }: PortMask) =>
  mask === 0xffff ? BigInt(value) : { value: BigInt(value), mask: BigInt(mask) };

export const contractFixed: readonly Flow[] = [otherwiseDrop('contract', 'no-contract')];

/** The registers that a contract flow reads, for documentation and traces. */
export const CONTRACT_REGISTERS = [REGISTER.sourceClass, REGISTER.destinationClass, REGISTER.vrf] as const;

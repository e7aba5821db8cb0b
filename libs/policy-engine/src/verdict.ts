import type { ResolvedRule } from '@heddle/model';
import { BUILT_IN_ORIGINS } from './contract-rules';
import { filterMatches, packetText, type FirstPacket } from './packet';
import { rulesBetween, toIndex, type PolicyIndex, type ResolvedPolicy } from './policy-index';

/** Who opens a connection to whom, with which first packet. */
export interface Connection {
  /** EPG paths, `acme/shop/web`. */
  readonly source: string;
  readonly destination: string;
  readonly packet: FirstPacket;
}

export interface Verdict {
  readonly action: 'permit' | 'deny';
  /** The rule that decides; absent where no rule matches and the implicit deny holds. */
  readonly rule?: ResolvedRule;
  /** One sentence for people. */
  readonly reason: string;
}

/**
 * What the policy says about the first packet of a connection. Replies follow the connection, so they are never asked
 * about. Give the index of {@link indexPolicy} when asking often.
 */
export function verdict(policy: ResolvedPolicy | PolicyIndex, connection: Connection): Verdict {
  const index = toIndex(policy);
  const { source, destination, packet } = connection;
  const [from, to] = [index.classes.get(source), index.classes.get(destination)];
  if (!from || !to) {
    return deny(`there is no EPG ${from ? destination : source}`);
  }
  if (from.vrf !== to.vrf) {
    return deny(
      `${source} is in VRF ${index.vrfs.get(from.vrf)} and ${destination} in VRF ${index.vrfs.get(to.vrf)}; VRFs are apart`,
    );
  }
  const rule = rulesBetween(index, from.vrf, from.classId, to.classId).find((r) => filterMatches(r.filter, packet));
  if (!rule) return deny(`no contract lets ${source} open ${packetText(packet)} to ${destination}`);
  return { action: rule.action, rule, reason: reasonOf(rule) };
}

const deny = (reason: string): Verdict => ({ action: 'deny', reason });

function reasonOf(rule: ResolvedRule): string {
  switch (rule.origin) {
    case BUILT_IN_ORIGINS.intraEpg:
      return rule.action === 'permit' ? 'both are in the same EPG' : 'both are in the same EPG, which is isolated';
    case BUILT_IN_ORIGINS.vrfUnenforced:
      return 'the VRF is unenforced';
    default:
      return `contract ${rule.origin} ${rule.action === 'permit' ? 'permits' : 'denies'} it (entry ${rule.filter?.entry})`;
  }
}

import {
  HeddleError,
  problemText,
  resolvedKey,
  type HeddleObject,
  type ResolvedBridgeDomain,
  type ResolvedClass,
  type ResolvedEntry,
  type ResolvedVrf,
} from '@heddle/model';
import { contractRules, intraEpgRules, unenforcedRules } from './contract-rules';
import { idOf, uidOf, type IdTable } from './ids';
import { compareText, inTenantOf, policyObjects } from './objects';
import type { ResolvedPolicy } from './policy-index';
import { referenceProblems } from './references';
import { withIds } from './rule-id';

/**
 * Compiles a state into what agents enforce: VRFs, bridge domains, classes, and the rules between classes. The result
 * depends on the objects and their ids only, not on the order in which they come; its keys are sorted.
 *
 * `objects` is the whole state; kinds that are not of policy are passed over. `ids` comes from {@link assignIds} for the
 * same objects.
 *
 * @throws HeddleError `state` when a reference leads nowhere or an object has no id: half a policy is worse than none.
 */
export function compile(objects: Iterable<HeddleObject>, ids: IdTable): ResolvedPolicy {
  const policy = policyObjects(objects);
  const problems = referenceProblems(policy);
  if (problems[0]) {
    throw new HeddleError('state', `the policy cannot be compiled: ${problemText(problems[0])}`, { problems });
  }
  const vrfs = mapValues(policy.vrfs, (vrf, path) => resolveVrf(vrf, path, ids));
  const bridgeDomains = mapValues(policy.bridgeDomains, (bd, path) =>
    resolveBridgeDomain(bd, path, vrfs.get(inTenantOf(bd, bd.spec.vrf)) as ResolvedVrf, ids),
  );
  const classes = mapValues(policy.epgs, (epg, path) =>
    resolveClass(epg, path, bridgeDomains.get(inTenantOf(epg, epg.spec.bridgeDomain)) as ResolvedBridgeDomain, ids),
  );
  const rules = withIds([
    ...unenforcedRules(vrfs.values()),
    ...intraEpgRules(classes.values()),
    ...contractRules(policy, classes),
  ]);
  const entries: ResolvedEntry[] = [...vrfs.values(), ...bridgeDomains.values(), ...classes.values(), ...rules];
  return new Map(entries.map((entry) => [resolvedKey(entry), entry] as const).sort(([a], [b]) => compareText(a, b)));
}

const mapValues = <A, B>(from: ReadonlyMap<string, A>, to: (value: A, key: string) => B): Map<string, B> =>
  new Map([...from].map(([key, value]) => [key, to(value, key)]));

const resolveVrf = (vrf: HeddleObject<'Vrf'>, path: string, ids: IdTable): ResolvedVrf => ({
  type: 'vrf',
  path,
  id: idOf(ids.vrf, vrf, path),
  enforcement: vrf.spec.enforcement,
});

const resolveBridgeDomain = (
  bridgeDomain: HeddleObject<'BridgeDomain'>,
  path: string,
  vrf: ResolvedVrf,
  ids: IdTable,
): ResolvedBridgeDomain => ({
  type: 'bridge-domain',
  path,
  id: idOf(ids.bridgeDomain, bridgeDomain, path),
  vrf: vrf.id,
  gateways: bridgeDomain.spec.subnets.map((subnet) => subnet.gateway),
});

const resolveClass = (
  epg: HeddleObject<'Epg'>,
  path: string,
  bridgeDomain: ResolvedBridgeDomain,
  ids: IdTable,
): ResolvedClass => ({
  type: 'class',
  epg: path,
  epgUid: uidOf(epg, path),
  classId: idOf(ids.class, epg, path),
  vrf: bridgeDomain.vrf,
  bridgeDomain: bridgeDomain.id,
  domain: epg.spec.domain,
  isolation: epg.spec.isolation,
});

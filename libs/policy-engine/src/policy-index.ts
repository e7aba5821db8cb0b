import type { ResolvedClass, ResolvedEntry, ResolvedRule } from '@heddle/model';
import { compareRules } from './zoning';

/** What {@link compile} produces: every resolved entry under its key. */
export type ResolvedPolicy = ReadonlyMap<string, ResolvedEntry>;

/** A resolved policy prepared for many questions. It is a copy: it does not follow later changes of the map. */
export interface PolicyIndex {
  /** Classes by EPG path. */
  readonly classes: ReadonlyMap<string, ResolvedClass>;
  readonly classesById: ReadonlyMap<number, ResolvedClass>;
  /** Classes by VRF id. */
  readonly members: ReadonlyMap<number, readonly ResolvedClass[]>;
  /** VRF paths by id. */
  readonly vrfs: ReadonlyMap<number, string>;
  /** The rules between two classes by {@link pairKey}, the strongest first; class 0 is any class. */
  readonly rules: ReadonlyMap<string, readonly ResolvedRule[]>;
}

/** Any class of the VRF, in a rule. */
export const ANY_CLASS = 0;

export const pairKey = (vrf: number, source: number, destination: number): string => `${vrf}/${source}/${destination}`;

export function indexPolicy(policy: ResolvedPolicy): PolicyIndex {
  const classes = new Map<string, ResolvedClass>();
  const classesById = new Map<number, ResolvedClass>();
  const members = new Map<number, ResolvedClass[]>();
  const vrfs = new Map<number, string>();
  const rules = new Map<string, ResolvedRule[]>();
  for (const entry of policy.values()) {
    switch (entry.type) {
      case 'vrf':
        vrfs.set(entry.id, entry.path);
        break;
      case 'class':
        classes.set(entry.epg, entry);
        classesById.set(entry.classId, entry);
        append(members, entry.vrf, entry);
        break;
      case 'rule':
        append(rules, pairKey(entry.vrf, entry.source, entry.destination), entry);
        break;
      case 'bridge-domain':
        break;
    }
  }
  for (const list of rules.values()) list.sort(compareRules);
  return { classes, classesById, members, vrfs, rules };
}

function append<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}

/** Accepts a policy with or without its index. */
export const toIndex = (policy: ResolvedPolicy | PolicyIndex): PolicyIndex =>
  'rules' in policy ? policy : indexPolicy(policy);

/** The rules that can decide about packets from one class to another of the same VRF, the strongest first. */
export function rulesBetween(
  index: PolicyIndex,
  vrf: number,
  source: number,
  destination: number,
): readonly ResolvedRule[] {
  const keys = new Set([
    pairKey(vrf, source, destination),
    pairKey(vrf, source, ANY_CLASS),
    pairKey(vrf, ANY_CLASS, destination),
    pairKey(vrf, ANY_CLASS, ANY_CLASS),
  ]);
  const lists = [...keys].flatMap((key) => {
    const list = index.rules.get(key);
    return list ? [list] : [];
  });
  return lists.length === 1 && lists[0] ? lists[0] : lists.flat().sort(compareRules);
}

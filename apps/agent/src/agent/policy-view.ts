import type { ResolvedBridgeDomain, ResolvedClass, ResolvedEntry } from '@heddle/model';

/** The policy as it was resolved for this host, with what is often asked of it at hand. */
export class PolicyView {
  /** By `resolvedKey`. */
  readonly entries: ReadonlyMap<string, ResolvedEntry>;
  readonly bridgeDomains: ReadonlyMap<number, ResolvedBridgeDomain>;
  /** The highest class id among the resolved classes, 0 without one. */
  readonly highestClassId: number;

  constructor(entries: Readonly<Record<string, ResolvedEntry>> = {}) {
    this.entries = new Map(Object.entries(entries));
    const bridgeDomains = new Map<number, ResolvedBridgeDomain>();
    let highest = 0;
    for (const entry of this.entries.values()) {
      if (entry.type === 'bridge-domain') bridgeDomains.set(entry.id, entry);
      else if (entry.type === 'class') highest = Math.max(highest, entry.classId);
    }
    this.bridgeDomains = bridgeDomains;
    this.highestClassId = highest;
  }

  classOf(epg: string): ResolvedClass | undefined {
    const entry = this.entries.get(`class/${epg}`);
    return entry?.type === 'class' ? entry : undefined;
  }

  bridgeDomainOf(epg: string): ResolvedBridgeDomain | undefined {
    const found = this.classOf(epg);
    return found && this.bridgeDomains.get(found.bridgeDomain);
  }
}

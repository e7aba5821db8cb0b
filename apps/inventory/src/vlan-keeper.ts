import type { Clock } from '@heddle/host';
import {
  adoptVlans,
  assignVlans,
  EMPTY_VLAN_TABLE,
  indexVlans,
  vlanConflicts,
  type VlanDemand,
  type VlanShortage,
  type VlanTable,
  type VlanUse,
} from '@heddle/ipam';
import type { DistributedEncapsulation, EventFact } from '@heddle/model';
import type { InventoryObjects } from './objects';
import { encapsulations, isCabled, vlanDemands, vlanUse, type HeardOfVlans } from './vlans';

/** How long VLANs that are not in the table wait for hosts to say what they hold: longer than it takes to give a host up. */
const HEARING_MS = 10_000;

export interface VlanFacts extends HeardOfVlans {
  readonly objects: InventoryObjects;
  /** That of the log which the objects are at. */
  readonly position: number;
}

export interface VlanKeeperParts {
  readonly clock: Clock;
  /** See `Ownership.settled`. */
  readonly settled: () => boolean;
  /** Resolves when the table is on disk. */
  readonly save: (table: VlanTable) => Promise<void>;
  readonly tell: (fact: Omit<EventFact, 'at'>) => void;
}

/**
 * Keeps which EPG has which VLAN. What is given is on disk before anybody hears of it. A table that was lost or restored knows
 * less than the hosts do, so before anything is given or distributed for the first time, hosts with endpoints in VLANs are heard
 * if there is anything that the table does not say.
 */
export class VlanKeeper {
  table: VlanTable = EMPTY_VLAN_TABLE;
  /** EPGs that got none. */
  shortages: readonly VlanShortage[] = [];
  /** Endpoints in VLANs of other EPGs, by their hosts. */
  hostProblems: ReadonlyMap<string, readonly string[]> = new Map();
  /** What is to be distributed; undefined until the first time. The position is the one that it was worked out at. */
  inForce: { readonly encapsulations: Map<string, DistributedEncapsulation>; readonly position: number } | undefined;
  private readonly since: number;
  private toldConflicts: ReadonlySet<string> = new Set();
  private toldShortages: ReadonlySet<string> = new Set();

  constructor(private readonly parts: VlanKeeperParts) {
    this.since = parts.clock.monotonic();
  }

  begin(table: VlanTable): void {
    this.table = table;
  }

  /** Whether VLANs are given as soon as they are wanted. */
  get ready(): boolean {
    return this.inForce !== undefined;
  }

  use({ objects, position, ...heard }: VlanFacts): VlanUse {
    return vlanUse(objects, heard, position);
  }

  /**
   * Gives, takes back and frees what is to be.
   * @returns whether there is something to distribute
   */
  async settle(facts: VlanFacts): Promise<boolean> {
    const { objects, position } = facts;
    const demands = vlanDemands(objects);
    const use = this.use(facts);
    let { table } = this;
    if (!this.ready) {
      if (isIncomplete(table, demands, use) && !this.allHeard(facts)) return false;
      ({ table } = adoptVlans(table, { demands, use, position }));
    }
    const assigned = assignVlans(table, { demands, use, position });
    if (assigned.table !== this.table) await this.parts.save(assigned.table);
    this.table = assigned.table;
    this.shortages = assigned.shortages;
    this.inForce = { encapsulations: encapsulations(objects, this.table), position };
    this.tellShortages();
    this.tellConflicts(demands, use);
    return true;
  }

  /** Whether everybody who may hold a VLAN has said so. A host that is not heard from is not waited for without end. */
  private allHeard({ objects, reports }: VlanFacts): boolean {
    if (!this.parts.settled()) return false;
    if (this.parts.clock.monotonic() - this.since >= HEARING_MS) return true;
    return [...objects.hosts].every(([name, host]) => !isCabled(host) || reports.has(name));
  }

  private tellShortages(): void {
    const now = new Set(this.shortages.map(({ demand }) => demand.epgUid));
    for (const { demand, message } of this.shortages) {
      if (this.toldShortages.has(demand.epgUid)) continue;
      const [tenant = '', ...below] = demand.epg.split('/');
      this.parts.tell({ kind: 'Epg', tenant, name: below.join('/'), what: 'no-vlan', message });
    }
    this.toldShortages = now;
  }

  private tellConflicts(demands: readonly VlanDemand[], use: VlanUse): void {
    const conflicts = vlanConflicts(this.table, demands, use);
    const byHost = new Map<string, string[]>();
    for (const { claim, message } of conflicts) {
      byHost.set(claim.host, [...(byHost.get(claim.host) ?? []), message]);
      if (!this.toldConflicts.has(message))
        this.parts.tell({ kind: 'Host', tenant: '', name: claim.host, what: 'conflict', message });
    }
    this.hostProblems = byHost;
    this.toldConflicts = new Set(conflicts.map(({ message }) => message));
  }
}

/** Whether hosts may know what the table does not: an EPG without a VLAN, or endpoints in one that is not explained. */
function isIncomplete(table: VlanTable, demands: readonly VlanDemand[], use: VlanUse): boolean {
  const index = indexVlans(table);
  return (
    demands.some((demand) => index.vlanOf(demand) === undefined) ||
    use.claims.some(({ epg, vlan }) => index.entryOf(epg, vlan) === undefined)
  );
}

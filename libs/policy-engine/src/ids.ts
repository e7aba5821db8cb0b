import { HeddleError, type HeddleObject } from '@heddle/model';
import { policyObjects } from './objects';

/**
 * The numbers by which the datapath knows VRFs, bridge domains and EPGs. A number is given once, to one uid, and never
 * again: packets and flows that still carry it can therefore never be taken for those of a later object. The table is a
 * plain JSON value.
 */
export interface IdTable {
  readonly vrf: IdPool;
  readonly bridgeDomain: IdPool;
  readonly class: IdPool;
}

export interface IdPool {
  /** The next number to give; every number below has been given, or skipped, for good. */
  readonly next: number;
  /** Uids of the objects that exist, each with its number. */
  readonly ids: Readonly<Record<string, number>>;
}

interface IdSpace {
  readonly name: string;
  readonly first: number;
  readonly last: number;
}

/** The numbers that exist. Classes below 16 are kept for the system; 24 bits fit the tunnel id. */
export const ID_SPACES: Readonly<Record<keyof IdTable, IdSpace>> = {
  vrf: { name: 'VRF ids', first: 1, last: 65_535 },
  bridgeDomain: { name: 'bridge domain ids', first: 1, last: 65_535 },
  class: { name: 'EPG class ids', first: 16, last: 2 ** 24 - 1 },
};

/** The table of a cluster that has given no number yet. */
export const EMPTY_IDS: IdTable = {
  vrf: { next: ID_SPACES.vrf.first, ids: {} },
  bridgeDomain: { next: ID_SPACES.bridgeDomain.first, ids: {} },
  class: { next: ID_SPACES.class.first, ids: {} },
};

/**
 * Gives a number to every VRF, bridge domain and EPG that has none, in the order of their paths, and forgets the uids
 * that are gone (their numbers stay given). `objects` is the whole state. Returns the same table if nothing changes.
 *
 * @throws HeddleError `limit` when the numbers of a kind are used up.
 */
export function assignIds(table: IdTable, objects: Iterable<HeddleObject>): IdTable {
  const { vrfs, bridgeDomains, epgs } = policyObjects(objects);
  const next: IdTable = {
    vrf: assign(table.vrf, ID_SPACES.vrf, vrfs),
    bridgeDomain: assign(table.bridgeDomain, ID_SPACES.bridgeDomain, bridgeDomains),
    class: assign(table.class, ID_SPACES.class, epgs),
  };
  return samePools(table, next) ? table : next;
}

function assign(pool: IdPool, space: IdSpace, objects: ReadonlyMap<string, HeddleObject>): IdPool {
  let next = pool.next;
  const ids: [string, number][] = [];
  for (const [path, object] of objects) {
    const uid = uidOf(object, path);
    const known = Object.hasOwn(pool.ids, uid) ? pool.ids[uid] : undefined;
    if (known === undefined && next > space.last) {
      throw new HeddleError(
        'limit',
        `no number is left for ${object.kind} ${path}: all ${space.name} up to ${space.last} have been given, and none is given twice; ` +
          'a new cluster starts a new numbering',
      );
    }
    ids.push([uid, known ?? next++]);
  }
  const unchanged = next === pool.next && ids.length === Object.keys(pool.ids).length;
  return unchanged ? pool : { next, ids: Object.fromEntries(ids) };
}

/** The highest numbers that were seen in use, for example by agents. */
export interface IdFloor {
  readonly vrf?: number;
  readonly bridgeDomain?: number;
  readonly classId?: number;
}

/**
 * Lets numbering resume above what is in use. Needed after the table was restored from an older copy: agents may hold
 * numbers that the copy does not know of. Numbers already given stay; the floor never sinks.
 */
export function raiseFloor(table: IdTable, floor: IdFloor): IdTable {
  const next: IdTable = {
    vrf: raise(table.vrf, floor.vrf),
    bridgeDomain: raise(table.bridgeDomain, floor.bridgeDomain),
    class: raise(table.class, floor.classId),
  };
  return samePools(table, next) ? table : next;
}

const raise = (pool: IdPool, highest: number | undefined): IdPool =>
  highest === undefined || highest < pool.next ? pool : { ...pool, next: highest + 1 };

const samePools = (a: IdTable, b: IdTable): boolean =>
  a.vrf === b.vrf && a.bridgeDomain === b.bridgeDomain && a.class === b.class;

/** The number of an object. @throws HeddleError `state` when {@link assignIds} has not given it one. */
export function idOf(pool: IdPool, object: HeddleObject, path: string): number {
  const uid = uidOf(object, path);
  const id = Object.hasOwn(pool.ids, uid) ? pool.ids[uid] : undefined;
  if (id === undefined) {
    throw new HeddleError('state', `${object.kind} ${path} (uid ${uid}) has no number; assign ids before compiling`);
  }
  return id;
}

export function uidOf(object: HeddleObject, path: string): string {
  if (object.metadata.uid === undefined) {
    throw new HeddleError('state', `${object.kind} ${path} has no uid; only admitted objects can be compiled`);
  }
  return object.metadata.uid;
}

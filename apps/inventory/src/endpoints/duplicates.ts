/** What of an endpoint nobody else may have: its MAC in its bridge domain, its addresses in its VRF. */
export interface Claimant {
  /** `HOST/ID`. */
  readonly key: string;
  /** The path under which it is shown. */
  readonly path: string;
  /** ISO 8601; absent: not known, which is later than anything that is. */
  readonly since?: string;
  /** Each as a phrase that says what and where, `address 10.32.0.7 in Vrf acme/default`: equal phrases are equal claims. */
  readonly claims: readonly string[];
}

/** An endpoint that has something that another one had first. */
export interface Duplicate {
  /** Key of the endpoint that is held back. */
  readonly later: string;
  /** The path under which that is shown. */
  readonly path: string;
  /** Key of the endpoint that had it first, and goes on having it. */
  readonly first: string;
  readonly what: string;
}

export interface KnownDuplicates {
  /** Keys of the endpoints that others are told of now. */
  readonly told: { has(key: string): boolean };
  /** What was found before. */
  readonly duplicates: readonly Duplicate[];
}

/**
 * Who of several endpoints with one MAC or one address keeps it: whoever has it already, by what others were told; of two new
 * ones the one that was attached earlier. An endpoint that was held back stays so for as long as it has something that another
 * one has. So no host can take the traffic of an endpoint by reporting another one with its address, whatever time it reports.
 *
 * One that is held back takes nothing from anybody.
 */
export function findDuplicates(claimants: readonly Claimant[], known: KnownDuplicates): Duplicate[] {
  const heldBack = new Set(known.duplicates.map(({ later }) => later));
  const rank = ({ key }: Claimant): number => (heldBack.has(key) ? 2 : known.told.has(key) ? 0 : 1);
  // Nearly always nobody has what another one has.
  const inOrder = claimants
    .filter(contested(claimants))
    .sort((a, b) => rank(a) - rank(b) || compare(a.since ?? LATEST, b.since ?? LATEST) || compare(a.key, b.key));
  const holders = new Map<string, string>();
  const duplicates: Duplicate[] = [];
  for (const { key, path, claims } of inOrder) {
    const what = claims.find((claim) => holders.has(claim));
    if (what !== undefined) duplicates.push({ later: key, path, first: holders.get(what) as string, what });
    else for (const claim of claims) holders.set(claim, key);
  }
  return duplicates;
}

/** Whether a claimant has something that another one claims, too. */
function contested(claimants: readonly Claimant[]): (claimant: Claimant) => boolean {
  const [once, twice] = [new Set<string>(), new Set<string>()];
  for (const { claims } of claimants) {
    for (const claim of claims) {
      if (once.has(claim)) twice.add(claim);
      else once.add(claim);
    }
  }
  return twice.size === 0 ? () => false : ({ claims }) => claims.some((claim) => twice.has(claim));
}

/** Later than any ISO time. */
const LATEST = '~';

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** What two lists of duplicates differ in. */
export function compareDuplicates(
  before: readonly Duplicate[],
  after: readonly Duplicate[],
): { readonly found: Duplicate[]; readonly resolved: Duplicate[] } {
  const id = ({ later, first, what }: Duplicate): string => `${later} ${first} ${what}`;
  const [old, now] = [new Set(before.map(id)), new Set(after.map(id))];
  return {
    found: after.filter((duplicate) => !old.has(id(duplicate))),
    resolved: before.filter((duplicate) => !now.has(id(duplicate))),
  };
}

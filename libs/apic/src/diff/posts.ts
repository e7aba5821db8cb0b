import type { Attributes, MoClass } from '../tree/classes';
import { parentOf, rnsOf } from '../tree/dn';
import { placed, type Mo, type PlacedMo, type PresentMo } from '../tree/mo';
import type { ApicPlan } from './plan';

/** A managed object in the JSON of the REST API. */
export type MoJson = {
  readonly [name: string]: { readonly attributes: Attributes; readonly children?: readonly MoJson[] };
};

/** One request that an APIC carries out as a whole or not at all. */
export interface Post {
  /** The object that it is sent to. */
  readonly dn: string;
  readonly body: MoJson;
  /** How many objects it creates, modifies or deletes. */
  readonly changes: number;
}

/**
 * The most objects in one request. Static paths beyond it go in further ones: they only add places to EPGs that are whole by
 * then.
 */
const MAX_CHANGES = 5_000;

interface Node {
  readonly class: string;
  readonly attributes: Record<string, string>;
  readonly children: Map<string, Node>;
}

/**
 * The requests that carry a plan out, in their order. What is below one root goes in one request with its deletions, so that a
 * tenant changes at once, unless that is too large; roots that others refer to come first, and roots that are deleted last,
 * tenants before what they refer to.
 *
 * @param deletions those that may be made, of the plan
 */
export function postsOf(
  plan: Pick<ApicPlan, 'creations' | 'modifications'>,
  deletions: readonly PresentMo[],
  context: { readonly roots: readonly Mo[]; readonly present: ReadonlyMap<string, PresentMo> },
): Post[] {
  const wanted = placed(context.roots);
  const builder = new PostBuilder(wanted, context.present);
  const { first, later } = inParts(plan.creations);
  for (const object of first) builder.set(object.dn, object.attributes);
  for (const { object, changes } of plan.modifications)
    builder.set(object.dn, Object.fromEntries([...changes].map(([name, { to }]) => [name, to])));
  const gone = new Set(deletions.map(({ dn }) => dn));
  const ends: Post[] = [];
  for (const object of deletions) {
    const parent = parentOf(object.dn);
    if (parent !== undefined && gone.has(parent)) builder.count(object.dn);
    else if (builder.isRoot(object)) ends.push(deletionOf(object, deletions));
    else builder.remove(object);
  }
  const further = later.flatMap((part) => {
    const more = new PostBuilder(wanted, context.present);
    for (const object of part) more.set(object.dn, object.attributes);
    return more.posts();
  });
  return [...builder.posts(), ...further, ...ends.sort(byRootOrder).reverse()];
}

function inParts(creations: readonly PlacedMo[]): { first: readonly PlacedMo[]; later: PlacedMo[][] } {
  if (creations.length <= MAX_CHANGES) return { first: creations, later: [] };
  const isPath = (object: PlacedMo): boolean => object.class === 'fvRsPathAtt';
  const paths = creations.filter(isPath);
  const parts = Array.from({ length: Math.ceil(paths.length / MAX_CHANGES) }, (_, i) =>
    paths.slice(i * MAX_CHANGES, (i + 1) * MAX_CHANGES),
  );
  return { first: creations.filter((object) => !isPath(object)), later: parts };
}

const deletionOf = (object: PresentMo, deletions: readonly PresentMo[]): Post => ({
  dn: object.dn,
  body: { [object.class]: { attributes: { dn: object.dn, status: 'deleted' } } },
  changes: deletions.filter(({ dn }) => dn === object.dn || dn.startsWith(`${object.dn}/`)).length,
});

/** Puts changes into trees from their roots down. */
class PostBuilder {
  private readonly roots = new Map<string, Node>();
  private readonly counts = new Map<string, number>();

  constructor(
    private readonly wanted: ReadonlyMap<string, PlacedMo>,
    private readonly present: ReadonlyMap<string, PresentMo>,
  ) {}

  set(dn: string, attributes: Attributes): void {
    const node = this.node(dn);
    delete node.attributes['status'];
    Object.assign(node.attributes, attributes);
    this.count(dn);
  }

  remove(object: PresentMo): void {
    Object.assign(this.node(object.dn).attributes, { status: 'deleted' });
    this.count(object.dn);
  }

  count(dn: string): void {
    const root = this.rootOf(dn);
    this.counts.set(root, (this.counts.get(root) ?? 0) + 1);
  }

  isRoot(object: PresentMo): boolean {
    return this.rootOf(object.dn) === object.dn;
  }

  posts(): Post[] {
    return [...this.roots]
      .map(([dn, node]) => ({ dn, body: jsonOf(node), changes: this.counts.get(dn) ?? 0 }))
      .sort(byRootOrder);
  }

  private node(dn: string): Node {
    if (this.rootOf(dn) === dn) {
      const root = this.roots.get(dn) ?? this.unchanged(dn);
      this.roots.set(dn, root);
      return root;
    }
    const { children } = this.node(parentOf(dn) ?? '');
    const node = children.get(dn) ?? this.unchanged(dn);
    children.set(dn, node);
    return node;
  }

  /** An object that is only on the way: it must be there, so that nothing is made without all that is wanted of it. */
  private unchanged(dn: string): Node {
    const name = (this.wanted.get(dn) ?? this.present.get(dn))?.class ?? '';
    const place: Attributes = this.rootOf(dn) === dn ? { dn } : { rn: rnsOf(dn).at(-1) ?? '' };
    return { class: name, attributes: { ...place, status: 'modified' }, children: new Map() };
  }

  private rootOf(dn: string): string {
    const wanted = this.wanted.get(dn);
    if (wanted) return wanted.root;
    let root = dn;
    for (let above = parentOf(dn); above !== undefined; above = parentOf(above)) {
      if (this.present.has(above) || this.wanted.has(above)) root = above;
    }
    return root;
  }
}

const jsonOf = ({ class: name, attributes, children }: Node): MoJson => ({
  [name]: {
    attributes,
    ...(children.size === 0 ? {} : { children: [...children.values()].map(jsonOf) }),
  },
});

const ROOT_ORDER: readonly MoClass[] = ['fvnsVlanInstP', 'physDomP', 'fvTenant'];

function byRootOrder(a: Post, b: Post): number {
  const place = ({ body }: Post): number => {
    const found = ROOT_ORDER.indexOf(Object.keys(body)[0] as MoClass);
    return found < 0 ? ROOT_ORDER.length : found;
  };
  return place(a) - place(b) || (a.dn < b.dn ? -1 : a.dn > b.dn ? 1 : 0);
}

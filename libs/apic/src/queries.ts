import type { Desired } from './desired/desired-tree';
import { classInfo, MO_CLASSES, OTHERS_CLASSES, type Attributes, type MoClass } from './tree/classes';
import { dnOf, type PresentMo } from './tree/mo';

/** A question to an APIC that is answered with objects. */
export type Query =
  /** Those of one class that have our annotation, wherever they are. */
  | { readonly type: 'ours'; readonly class: MoClass; readonly annotation: string }
  /** An object and what is below it, of the classes that matter. */
  | { readonly type: 'subtree'; readonly dn: string };

/**
 * The questions that tell whether an APIC holds what is wanted, and nothing else of ours: all that is below the roots that are
 * wanted, by whomever it was made, and all that is ours anywhere. (A relation that cannot be deleted is never too much.) The
 * first one has the record of who wrote it: without its answer nothing can be decided.
 */
export function readingQueries({ roots }: Pick<Desired, 'roots'>, annotation: string): Query[] {
  const dns = roots.map(({ class: name, attributes }) => dnOf(name, attributes));
  return [
    ...MO_CLASSES.filter((name) => !classInfo(name).toOne).map((name): Query => ({
      type: 'ours',
      class: name,
      annotation,
    })),
    ...dns.map((dn): Query => ({ type: 'subtree', dn })),
  ];
}

/** Path and query parameters below `/api/`, without paging. */
export function queryPath(query: Query): { path: string; parameters: Record<string, string> } {
  switch (query.type) {
    case 'ours':
      return {
        path: `class/${query.class}.json`,
        parameters: {
          'query-target-filter': `eq(${query.class}.annotation,"${query.annotation}")`,
          'order-by': `${query.class}.dn`,
          'rsp-prop-include': 'config-only',
        },
      };
    case 'subtree':
      return {
        path: `mo/${query.dn}.json`,
        parameters: {
          'query-target': 'subtree',
          'target-subtree-class': [...MO_CLASSES, ...OTHERS_CLASSES].join(','),
          'rsp-prop-include': 'config-only',
        },
      };
  }
}

/** An object as it is in `imdata`. @returns undefined for what has no name of its own */
export function presentMo(entry: unknown): PresentMo | undefined {
  if (typeof entry !== 'object' || entry === null) return undefined;
  const [pair] = Object.entries(entry);
  const attributes = (pair?.[1] as { attributes?: unknown } | undefined)?.attributes;
  if (pair === undefined || typeof attributes !== 'object' || attributes === null) return undefined;
  const texts = Object.entries(attributes).filter((e): e is [string, string] => typeof e[1] === 'string');
  const { dn, ...rest } = Object.fromEntries(texts) as Attributes;
  return dn === undefined || dn === '' ? undefined : { dn, class: pair[0], attributes: rest };
}

import type { MacvlanMode } from '../../link/protocol';

/** A child of a parent, or one that is to become one. */
export interface Child {
  readonly port: string;
  readonly epg: string;
  /** As the kernel has it; absent of one that is not made yet. */
  readonly mode?: MacvlanMode;
  /** The host's own. */
  readonly shim?: boolean;
}

/** The mode that an EPG is to have; undefined while that is not known, and then what is stays. */
export type WantedMode = (epg: string) => MacvlanMode | undefined;

/** Where it is not known whether an EPG's endpoints may talk to each other, the leaf decides on every packet. */
const CAREFUL: MacvlanMode = 'vepa';

/**
 * The mode that each child of one parent is to have, by port. Children in mode bridge hear each other whatever their EPG, and
 * no leaf sees it. So one EPG at most has them on a parent: the one that has them now, else the first by its path of those
 * that are to have them. The others get vepa, where everything passes the leaf. Pure.
 */
export function childModes(children: readonly Child[], wanted: WantedMode): ReadonlyMap<string, MacvlanMode> {
  const target = (child: Child): MacvlanMode => wanted(child.epg) ?? child.mode ?? CAREFUL;
  const candidates = children.filter((child) => target(child) === 'bridge');
  const holder = firstEpg(candidates.filter(({ mode }) => mode === 'bridge')) ?? firstEpg(candidates);
  return new Map(
    children.map((child) => {
      const mode = target(child);
      if (mode === 'bridge') return [child.port, child.epg === holder ? mode : CAREFUL];
      // What the host sends must reach its containers, also by way of the leaf.
      return [child.port, child.shim ? CAREFUL : mode];
    }),
  );
}

const firstEpg = (children: readonly Child[]): string | undefined => children.map(({ epg }) => epg).sort()[0];

/** Whether a child of an EPG can have mode bridge now without hearing children of another one. */
export const bridgeIsFree = (epg: string, children: readonly Child[]): boolean =>
  children.every((child) => child.epg === epg || child.mode !== 'bridge');

/** Where an endpoint is. */
export interface Place {
  readonly host: string;
  /** Port of the host's switch or of the leaf. */
  readonly port: string;
  readonly vlan?: number;
}

export interface Move {
  readonly id: string;
  readonly from: Place;
  readonly to: Place;
}

/**
 * Endpoints that are somewhere else than they were last. One that is nowhere for a while has moved when it turns up at another
 * place; one that is written down no more is forgotten.
 *
 * @param last where each was last, by id
 * @param now by id, where each is that is written down; undefined: nowhere
 * @returns the moves, and where each was last from now on
 */
export function findMoves(
  last: ReadonlyMap<string, Place>,
  now: ReadonlyMap<string, Place | undefined>,
): { readonly moves: Move[]; readonly last: Map<string, Place> } {
  const moves: Move[] = [];
  const next = new Map<string, Place>();
  for (const [id, to] of now) {
    const from = last.get(id);
    const at = to ?? from;
    if (at) next.set(id, at);
    if (from && to && placeText(from) !== placeText(to)) moves.push({ id, from, to });
  }
  return { moves, last: next };
}

/** `port tap0 of h1`, `port eth5 of leaf1, VLAN 20`. */
export const placeText = ({ host, port, vlan }: Place): string =>
  `port ${port} of ${host}${vlan === undefined ? '' : `, VLAN ${vlan}`}`;

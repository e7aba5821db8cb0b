/**
 * The objects as plain JSON, with the fields that the oracle reads and no others. Written down here once more, and not
 * taken from the object model, so that a mistake in the model is not repeated by its judge.
 */
export interface PlainObject {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly tenant?: string; readonly application?: string };
  readonly spec: object;
}

export interface EpgSpec {
  readonly bridgeDomain: string;
  readonly provides: readonly string[];
  readonly consumes: readonly string[];
  readonly isolation: 'enforced' | 'unenforced';
}

export interface BridgeDomainSpec {
  readonly vrf: string;
}

export interface VrfSpec {
  readonly enforcement: 'enforced' | 'unenforced';
}

export interface ContractSpec {
  readonly scope: 'application' | 'vrf';
  readonly subjects: readonly {
    readonly filters: readonly string[];
    readonly action: 'permit' | 'deny';
  }[];
}

export interface FilterSpec {
  readonly entries: readonly FilterEntry[];
}

export interface FilterEntry {
  readonly protocol: string | number;
  readonly sourcePorts?: { readonly from: number; readonly to: number };
  readonly destinationPorts?: { readonly from: number; readonly to: number };
  readonly icmpType?: number;
}

/** The first packet of a connection. */
export interface Packet {
  readonly protocol: string | number;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  readonly icmpType?: number;
}

/** Something with an address that belongs to an EPG. */
export interface Endpoint {
  readonly id: string;
  /** Path of its EPG, `acme/shop/web`. */
  readonly epg: string;
}

/**
 * What the attach daemon and the agent of one host say to each other, over a Unix socket that the daemon owns. Either side
 * may ask; one JSON value a line: `{id, method, params}`, answered by `{id, result}` or `{id, error}`.
 */

/** A bridge domain as the daemon needs it to make networks, addresses and gateways. */
export interface LinkBridgeDomain {
  readonly path: string;
  readonly gateways: readonly string[];
  /** Address blocks that this host holds. */
  readonly blocks: readonly string[];
}

/** What the agent has resolved: replaces what the daemon had. Kept on disk by the daemon. */
export interface LinkConfiguration {
  readonly bridgeDomains: readonly LinkBridgeDomain[];
  /** EPG path to the path of its bridge domain. An endpoint of an EPG that is not here is refused. */
  readonly epgs: Readonly<Record<string, string>>;
  /** MTU of the containers' interfaces where their EPG does not say another: the underlay's less the tunnel's headers. */
  readonly mtu: number;
  /** How endpoints of an EPG attach, by its path; absent: to the switch, with the MTU above. */
  readonly attachments?: Readonly<Record<string, LinkAttachment>>;
}

/** How endpoints of one EPG attach on this host. */
export type LinkAttachment =
  | { readonly driver: 'ovs'; readonly mtu: number }
  | {
      readonly driver: 'macvlan';
      /** Interface of the host whose children they are. */
      readonly uplink: string;
      /** The mode that they are to have: bridge only where the EPG lets its endpoints talk to each other freely. */
      readonly mode: MacvlanMode;
      /** trunk: the parent is a VLAN interface of the uplink; access: it is the uplink itself, and the leaf's port has the VLAN. */
      readonly tagging: 'access' | 'trunk';
      readonly vlan: number;
      readonly mtu: number;
      /** The host has an interface of its own in the EPG. */
      readonly shim: boolean;
    };
export type MacvlanMode = 'bridge' | 'private' | 'vepa';

/** Where a name leads: `tenant/application/service` to the addresses of its healthy instances. */
export type LinkNames = Readonly<Record<string, readonly string[]>>;

/** An endpoint that is attached. The host keeps the same facts: with Open vSwitch in `external_ids` of the port. */
export interface AttachedEndpoint {
  /** The engine's endpoint id. */
  readonly endpointId: string;
  readonly bridgeDomain: string;
  readonly epg: string;
  readonly allocation?: string;
  readonly mac: string;
  readonly address: string;
  /** Name of its interface on the host, as the attachment driver gives it. */
  readonly port: string;
  readonly linkIndex: number;
  /** ISO 8601. */
  readonly since: string;
  /** Where it is a child of an uplink; absent for a port of the switch. */
  readonly macvlan?: AttachedMacvlan;
}

/** An attached child of an uplink. */
export interface AttachedMacvlan {
  /** Interface of the host. */
  readonly uplink: string;
  /** As the kernel has it now. */
  readonly mode: MacvlanMode;
  readonly tagging: 'access' | 'trunk';
  readonly vlan: number;
  /** File that holds the network namespace that it is in, for checks from inside; absent of a shim, which is in the host's. */
  readonly sandbox?: string;
  /** It is the host's own interface in the EPG. */
  readonly shim?: true;
}

/** What a call asks for, and what it answers. */
export interface Method {
  readonly request: unknown;
  readonly response: unknown;
}
type Nothing = Record<string, never>;

/** The agent asks, the daemon answers. */
export interface AttachMethods {
  configure: { request: LinkConfiguration; response: Nothing };
  names: { request: LinkNames; response: Nothing };
  /** An address for a container that is about to be created. The same owner gets the same address. */
  reserve: { request: { bridgeDomain: string; owner: string }; response: ReserveResult };
  release: { request: { owner: string }; response: Nothing };
}

/** `exhausted`: the blocks that this host holds are used up; the agent leases another and configures it. */
export type ReserveResult =
  { readonly address: string; readonly mac: string; readonly gateway: string } | { readonly exhausted: true };

/** The daemon asks, the agent answers. */
export interface AgentMethods {
  /**
   * Answered when the endpoint's policy is on the switch; an error refuses the container's start. Without `ofport` the leaf
   * enforces: then answered when the policy is known.
   */
  attached: { request: AttachedEndpoint & { ofport?: number }; response: Nothing };
  /**
   * Every endpoint that is attached and has no port on the switch, each time that changes and at every connection: what the
   * agent cannot see by itself.
   */
  unported: { request: readonly AttachedEndpoint[]; response: Nothing };
  /** Answered when the host holds another address block of the bridge domain, and the daemon is configured with it. */
  leaseBlock: { request: { bridgeDomain: string }; response: Nothing };
}

import type { DomainSpec, FilterEntry, PortRange } from './kinds';

/**
 * What the policy service resolves for the agents: the policy objects with every reference followed and every name turned
 * into a number. It is distributed as a keyed set; the keys are `vrf/PATH`, `bd/PATH`, `class/EPG-PATH` and `rule/ID`.
 */
export type ResolvedEntry = ResolvedVrf | ResolvedBridgeDomain | ResolvedClass | ResolvedRule;

export interface ResolvedVrf {
  readonly type: 'vrf';
  readonly path: string;
  /** 1..65535: also the conntrack zone of the VRF. */
  readonly id: number;
  readonly enforcement: 'enforced' | 'unenforced';
}

export interface ResolvedBridgeDomain {
  readonly type: 'bridge-domain';
  readonly path: string;
  /** 1..65535. */
  readonly id: number;
  readonly vrf: number;
  /** Gateway addresses with prefix, for example 10.32.0.1/16. */
  readonly gateways: readonly string[];
}

/** An EPG with its class id, the number by which the datapath knows it. */
export interface ResolvedClass {
  readonly type: 'class';
  readonly epg: string;
  readonly epgUid: string;
  /** 16..2^24-1, given once and never again. */
  readonly classId: number;
  readonly vrf: number;
  readonly bridgeDomain: number;
  readonly domain: string;
  readonly isolation: 'unenforced' | 'enforced';
}

/**
 * One zoning rule: traffic that `source` opens towards `destination`. Replies follow the state of the connection.
 * `filter` undefined means every packet.
 */
export interface ResolvedRule {
  readonly type: 'rule';
  /** 48 bits as 12 hex digits; travels in the cookies of the flows. */
  readonly id: string;
  readonly vrf: number;
  /** Class ids; 0 stands for any class of the VRF. */
  readonly source: number;
  readonly destination: number;
  readonly filter?: RuleFilter;
  readonly action: 'permit' | 'deny';
  /** Priority by the zoning-rule table: 1 (strongest) to 23. */
  readonly priority: number;
  /** Where the rule comes from, for people: `acme/shop--web--api--http`, or a built-in such as `intra-epg`. */
  readonly origin: string;
}

/** A filter entry with names turned into numbers. */
export interface RuleFilter {
  /** IP protocol number; undefined means any. */
  readonly protocol?: number;
  readonly sourcePorts?: PortRange;
  readonly destinationPorts?: PortRange;
  readonly icmpType?: number;
  /** `CONTRACT-SUBJECT-FILTER-ENTRY` names, for people. */
  readonly entry: string;
}

export const resolvedKey = (entry: ResolvedEntry): string => {
  switch (entry.type) {
    case 'vrf':
      return `vrf/${entry.path}`;
    case 'bridge-domain':
      return `bd/${entry.path}`;
    case 'class':
      return `class/${entry.epg}`;
    case 'rule':
      return `rule/${entry.id}`;
  }
};

export type { FilterEntry };

export type EndpointKind = 'container' | 'vm' | 'baremetal';

/** An endpoint as the inventory distributes it to every agent. Keyed by `HOST/ID`. */
export interface DistributedEndpoint {
  /**
   * `allocation:PATH` for a container of ours, `docker:HOST/ENDPOINT-ID` for a user's own, `endpoint:PATH` for one that is
   * written down, `shim:HOST/EPG-PATH` for a host's own interface in an EPG.
   */
  readonly id: string;
  /** Absent in what an earlier version distributed: a container. */
  readonly kind?: EndpointKind;
  readonly epg: string;
  readonly mac: string;
  readonly addresses: readonly string[];
  /** The host that it is on, or for one at a port of a leaf that leaf. */
  readonly host: string;
  /**
   * Underlay address of who speaks for it in tunnels: its host, or its leaf where no tunnel ends at the host. Empty where no
   * tunnel leads to it.
   */
  readonly underlay: string;
  /** Of a virtual machine: `external_ids:iface-id` of its port, by which its host finds it. */
  readonly interfaceId?: string;
  /** Where it is on a fabric, when its frames travel one. */
  readonly fabric?: FabricPlace;
  /**
   * The name that leads to it, in the EPG's tenant and application: of the service it is an instance of, or its own if it is
   * written down; absent for a user's own container.
   */
  readonly service?: string;
  /** Whether names resolve to it. */
  readonly healthy: boolean;
}

/** The port of a leaf that an endpoint is behind, and how its frames look there. */
export interface FabricPlace {
  readonly leaf: string;
  readonly port: string;
  /** VLAN on the wire of that port; absent: untagged. */
  readonly vlan?: number;
  /**
   * `ovs`: behind a host's switch, which has routed and enforced already; `macvlan`: an interface of its own on the host's
   * uplink; `static`: a server at the port.
   */
  readonly via: 'ovs' | 'macvlan' | 'static';
  /** Whether frames for it may leave by the port that they came in at: siblings on one macvlan parent, not in mode private. */
  readonly hairpin: boolean;
}

/**
 * How the endpoints of one EPG attach. Keyed by the path of the EPG; written by the inventory, which owns the VLAN pools.
 */
export interface DistributedEncapsulation {
  readonly epg: string;
  /** Name of the Domain. */
  readonly domain: string;
  readonly spec: DomainSpec;
  /** The VLAN allocated to (Domain, EPG); absent for VXLAN. */
  readonly vlan?: number;
}

/** What an allocation looks like on the host that runs it; reported by agents. */
export interface AllocationStatus {
  readonly allocation: string;
  /** `AllocationSpec` uid, so that a report about an earlier one is not mistaken. */
  readonly uid: string;
  readonly host: string;
  readonly phase: 'pending' | 'starting' | 'running' | 'backoff' | 'stopping' | 'stopped' | 'failed';
  readonly healthy: boolean;
  readonly containerId?: string;
  readonly addresses: readonly string[];
  readonly mac?: string;
  readonly restarts: number;
  readonly startedAt?: string;
  readonly exitCode?: number;
  /** One sentence a person can act on, when something is not as it should be. */
  readonly reason?: string;
}

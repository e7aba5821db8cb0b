import type { UplinkName } from './names';

/** How a host of the lab is to appear to the control plane. */
export interface LabHostSpec {
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly zone?: string;
  /** What the host says it has to give; without it, what its engine reports. All hosts of a lab share one machine. */
  readonly resources?: { readonly cpu: number; readonly memoryBytes: number };
  /**
   * Whether VXLAN tunnels end at the host. Default true. Without them its switch leaves segmentation and checksums to whoever
   * receives, which makes it many times as fast and is not possible through a tunnel.
   */
  readonly tunnels?: boolean;
}

/** How the leaf is to be; see {@link LabHostSpec}. */
export type LabLeafSpec = Pick<LabHostSpec, 'tunnels'>;

/** What the agents of hosts and of the leaf read alike. */
export interface AgentConfig {
  readonly host: string;
  readonly stateDir: string;
  readonly runDir: string;
  readonly ovs: {
    readonly databaseSocket: string;
    readonly runDir: string;
    readonly bridge: string;
    readonly datapathType: 'netdev';
    readonly uplinkBridge: string;
  };
  readonly underlay: { readonly address: string; readonly mtu: number };
  readonly nats: { readonly servers: readonly string[]; readonly seedFile?: string };
  readonly agent: { readonly socket: string };
  readonly labels: Readonly<Record<string, string>>;
  readonly zone: string;
  readonly tunnels: boolean;
}

/** The configuration file of a host, read by its agent and its attach daemon. */
export interface HostConfig extends AgentConfig {
  readonly role: 'host';
  readonly docker: { readonly socket: string };
  readonly plugin: { readonly socket: string; readonly name: string };
  readonly attach: { readonly socket: string };
  readonly resources?: { readonly cpu: number; readonly memoryBytes: number };
  readonly cgroupParent: string;
  readonly uplinks: Readonly<Record<UplinkName, Uplink>>;
}

/** The configuration file of the leaf, read by its agent. */
export interface LeafConfig extends AgentConfig {
  readonly role: 'leaf';
}

/** An interface of a host, and the port of the leaf that it is cabled to. */
export interface Uplink {
  readonly interface: string;
  /** Bytes of an untagged packet. */
  readonly mtu: number;
  readonly leaf: string;
  readonly port: string;
}

/** The plugin's name and its socket, which is in a folder that every host of the lab has for itself. */
export const PLUGIN_NAME = 'heddle';
export const PLUGIN_SOCKET = `/run/docker/plugins/${PLUGIN_NAME}.sock`;

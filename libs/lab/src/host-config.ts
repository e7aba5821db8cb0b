/** How a host of the lab is to appear to the control plane. */
export interface LabHostSpec {
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly zone?: string;
  /** What the host says it has to give; without it, what its engine reports. All hosts of a lab share one machine. */
  readonly resources?: { readonly cpu: number; readonly memoryBytes: number };
}

/** The configuration file of a host, read by its agent and its attach daemon. */
export interface HostConfig {
  readonly host: string;
  readonly stateDir: string;
  readonly runDir: string;
  readonly docker: { readonly socket: string };
  readonly plugin: { readonly socket: string; readonly name: string };
  readonly ovs: {
    readonly databaseSocket: string;
    readonly runDir: string;
    readonly bridge: string;
    readonly datapathType: 'netdev';
    readonly uplinkBridge: string;
  };
  readonly underlay: { readonly address: string; readonly mtu: number };
  readonly nats: { readonly servers: readonly string[]; readonly seedFile?: string };
  readonly attach: { readonly socket: string };
  readonly agent: { readonly socket: string };
  readonly labels: Readonly<Record<string, string>>;
  readonly zone: string;
  readonly resources?: { readonly cpu: number; readonly memoryBytes: number };
  readonly cgroupParent: string;
}

/** The bridge that Heddle programs, and the one whose LOCAL port has the host's underlay address. */
export const HEDDLE_BRIDGE = 'br-heddle';
export const UPLINK_BRIDGE = 'br-uplink';

/** The plugin's name and its socket, which is in a folder that every host of the lab has for itself. */
export const PLUGIN_NAME = 'heddle';
export const PLUGIN_SOCKET = `/run/docker/plugins/${PLUGIN_NAME}.sock`;

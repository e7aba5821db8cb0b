/**
 * What the commands need of labs. The implementation comes from a bundle of its own (`labs.ts`), because it brings the
 * container engine's client along, which plain commands need not wait for.
 */
export interface Labs {
  open(options: OpenLabOptions): Promise<LabPort>;
  /** Names of the labs that have left a trace on this machine, sorted. */
  names(): Promise<string[]>;
}

export type LoadLab = () => Promise<Labs>;

export interface OpenLabOptions {
  readonly name: string;
  /** How many hosts `up` makes. */
  readonly hosts?: number;
  /** Gives the NKEY seed of a host, or of the leaf; asked while the control plane may still be starting. */
  readonly credentials?: (host: string, lab: LabPort) => Promise<string>;
  readonly onProgress?: (event: LabProgressEvent) => void;
}

/** One lab, made or not. */
export interface LabPort {
  readonly name: string;
  /** A folder for each node; the logs of its processes are in `NODE/logs`. */
  readonly nodesFolder: string;
  up(signal: AbortSignal): Promise<LabStatusView>;
  down(): Promise<void>;
  hostUp(host: string, signal: AbortSignal): Promise<void>;
  hostDown(host: string): Promise<void>;
  serverUp(server: LabServer, signal: AbortSignal): Promise<LabServerPlace>;
  serverDown(server: string): Promise<void>;
  status(): Promise<LabStatusView>;
  /** File with the bearer token of its control plane; nothing while that does not run. */
  tokenFile(): Promise<string | undefined>;
  /** Makes the example image in the engine of a host. */
  buildDemoImage(host: string): Promise<void>;
}

/** A server that Heddle does not run, on a port of the lab's leaf. */
export interface LabServer {
  readonly name: string;
  /** IPv4 address with the prefix length of its subnet. */
  readonly address: string;
  readonly gateway?: string;
  readonly mac?: string;
  readonly vlan?: number;
}

/** Where a server is, as its Endpoint object has to say it. */
export interface LabServerPlace {
  readonly mac: string;
  readonly leaf: string;
  readonly port: string;
  readonly vlan?: number;
}

export interface LabProgressEvent {
  /** Absent for what concerns the lab as a whole. */
  readonly node?: string;
  readonly step: string;
  readonly state: 'started' | 'done' | 'failed';
  /** Milliseconds it took, once it is over. */
  readonly ms?: number;
}

export interface LabStatusView {
  readonly name: string;
  readonly state: 'absent' | 'starting' | 'running' | 'dead';
  readonly reason?: string;
  /** What is being done to it, and by whom. */
  readonly busy?: string;
  readonly api?: { readonly url: string; readonly socket: string };
  readonly nodes: readonly LabNodeView[];
}

export interface LabNodeView {
  readonly name: string;
  readonly kind: 'leaf' | 'control' | 'host' | 'server';
  readonly address?: string;
  readonly state: 'running' | 'starting' | 'dead';
  readonly reason?: string;
  readonly parts: readonly {
    readonly name: string;
    readonly state: 'running' | 'dead' | 'missing';
    readonly pid?: number;
    readonly reason?: string;
  }[];
}

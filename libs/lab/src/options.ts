import type { HostConfig, LabHostSpec, LabLeafSpec, LeafConfig } from './host-config';
import type { LabRoots } from './layout';
import type { LabServerSpec } from './server-spec';

/** What the command of the control plane is made of. */
export interface ServerContext {
  readonly lab: string;
  /** Underlay address of the control plane's node; agents reach NATS there on port 4222. */
  readonly address: string;
  /** The Unix socket that the API must listen on: it is how the lab is reached from outside. */
  readonly apiSocket: string;
  readonly stateDir: string;
  readonly runDir: string;
}

/** What the command of an agent is made of: of a host's, or of the leaf's. */
export interface AgentContext<Config = HostConfig | LeafConfig> {
  readonly lab: string;
  /** Path of the JSON file that holds `config`. */
  readonly configFile: string;
  readonly config: Config;
}

/** What the command of a host's attach daemon is made of. */
export type HostContext = AgentContext<HostConfig>;

/**
 * The commands of Heddle's own processes, as argument vectors with absolute paths (they start in `/`). Each must go on in
 * the foreground, and is ready when its socket accepts: the server's API socket, the attach daemon's plugin and control
 * socket, the agent's socket. A command that is left out is not started. The leaf has an agent too, by the same command.
 */
export interface LabCommands {
  readonly server?: (context: ServerContext) => readonly string[];
  readonly attach?: (context: HostContext) => readonly string[];
  readonly agent?: (context: AgentContext) => readonly string[];
}

/** Something the lab began, ended or gave up, for those who watch. */
export interface ProgressEvent {
  readonly lab: string;
  /** `leaf`, `ctl`, a host or a server; absent for what concerns the lab as a whole. */
  readonly node?: string;
  readonly step: string;
  readonly state: 'started' | 'done' | 'failed';
  /** Milliseconds it took, once it is over. */
  readonly ms?: number;
}

export interface LabOptions {
  readonly name: string;
  /** Hosts that `up` makes: so many (`h1`, `h2`, ...), or these. Default: none. */
  readonly hosts?: number | ReadonlyArray<string | LabHostSpec>;
  /** Servers that `up` makes, as endpoints on the leaf that are no containers. Default: none. */
  readonly servers?: readonly LabServerSpec[];
  readonly leaf?: LabLeafSpec;
  readonly commands: LabCommands;
  /**
   * Gives the NKEY seed by which an agent is known to NATS: of a host, or of `leaf`. Asked once for each that is started anew,
   * while other parts start.
   */
  readonly credentials?: (host: string) => Promise<string>;
  readonly onProgress?: (event: ProgressEvent) => void;
  /** Milliseconds that one part has to become ready. Default 20,000. */
  readonly partDeadlineMs?: number;
  readonly roots?: LabRoots;
}

import type { HostConfig, LabHostSpec } from './host-config';
import type { LabRoots } from './layout';

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

/** What the commands of a host's attach daemon and agent are made of. */
export interface HostContext {
  readonly lab: string;
  /** Path of the JSON file that holds `config`. */
  readonly configFile: string;
  readonly config: HostConfig;
}

/**
 * The commands of Heddle's own processes, as argument vectors with absolute paths (they start in `/`). Each must go on in
 * the foreground, and is ready when its socket accepts: the server's API socket, the attach daemon's plugin and control
 * socket, the agent's socket. A command that is left out is not started.
 */
export interface LabCommands {
  readonly server?: (context: ServerContext) => readonly string[];
  readonly attach?: (context: HostContext) => readonly string[];
  readonly agent?: (context: HostContext) => readonly string[];
}

/** Something the lab began, ended or gave up, for those who watch. */
export interface ProgressEvent {
  readonly lab: string;
  /** `leaf`, `ctl` or a host; absent for what concerns the lab as a whole. */
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
  readonly commands: LabCommands;
  /**
   * Gives the NKEY seed by which a host's agent is known to NATS. Asked once for each host that is made, while other
   * parts start.
   */
  readonly credentials?: (host: string) => Promise<string>;
  readonly onProgress?: (event: ProgressEvent) => void;
  /** Milliseconds that one part has to become ready. Default 20,000. */
  readonly partDeadlineMs?: number;
  readonly roots?: LabRoots;
}

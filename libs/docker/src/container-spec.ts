/**
 * What Heddle runs in a container: deliberately narrow. Everything the engine could do beyond this (privileges, devices,
 * host namespaces, writable binds) has no field here, so that no caller can ask for it.
 */
export interface ContainerSpec {
  readonly name: string;
  /** Reference of an image that the engine has. */
  readonly image: string;
  /** Replaces the image's entry point. */
  readonly command?: readonly string[];
  /** Replaces the image's command. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly hostname?: string;
  readonly network: ContainerNetworkSpec;
  readonly resources: ContainerResources;
  /** Default false. */
  readonly readOnlyRootfs?: boolean;
  readonly tmpfs?: readonly TmpfsMount[];
  /** Numeric `uid` or `uid:gid`; the image's by default. */
  readonly user?: string;
  readonly workingDir?: string;
  /** Such as `SIGTERM`; the image's by default. */
  readonly stopSignal?: string;
  readonly mounts?: readonly FileMount[];
  /** Run a small init as first process, which forwards signals and reaps children. Default true. */
  readonly init?: boolean;
  /** Bytes of log kept: two files of half of it. Default 20 MiB. */
  readonly logMaxSize?: number;
}

export interface ContainerNetworkSpec {
  /** Name of a network of ours, or `none`. The engine's own `host` and `bridge` would go round every contract. */
  readonly name: string;
  readonly ipv4Address?: string;
  readonly macAddress?: string;
  /** Reach the network driver's CreateEndpoint as its options. */
  readonly driverOpts?: Readonly<Record<string, string>>;
  readonly aliases?: readonly string[];
}

export interface ContainerResources {
  /** Cores. The kernel's smallest quota is 0.01; less is rounded up to it. */
  readonly cpu: number;
  /** The engine's smallest limit is 6 MiB; less is rounded up to it. */
  readonly memoryBytes: number;
  /** Processes and threads. */
  readonly pids: number;
}

export interface TmpfsMount {
  readonly path: string;
  readonly sizeBytes: number;
}

/** A file that the agent itself wrote, shown read-only inside the container. */
export interface FileMount {
  /** Absolute path on the host, beneath one of the roots that the agent's engine was given. */
  readonly source: string;
  /** Absolute path in the container. */
  readonly target: string;
}

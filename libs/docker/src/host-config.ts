import { checkContainerSpec, type CheckOptions } from './check-container-spec';
import type { ContainerSpec } from './container-spec';

/** Every key that may ever reach the engine as part of a HostConfig. */
export const HOST_CONFIG_KEYS = [
  'CapDrop',
  'CgroupnsMode',
  'Init',
  'IpcMode',
  'LogConfig',
  'Memory',
  'MemorySwap',
  'Mounts',
  'NanoCpus',
  'NetworkMode',
  'PidsLimit',
  'ReadonlyRootfs',
  'RestartPolicy',
  'SecurityOpt',
  'Tmpfs',
] as const;

/** The part of the engine's HostConfig that Heddle uses. */
export interface HostConfig {
  readonly CapDrop: readonly ['ALL'];
  readonly CgroupnsMode: 'private';
  readonly Init: boolean;
  readonly IpcMode: 'private';
  readonly LogConfig: { readonly Type: 'json-file'; readonly Config: Readonly<Record<string, string>> };
  readonly Memory: number;
  readonly MemorySwap: number;
  readonly Mounts: readonly BindMount[];
  readonly NanoCpus: number;
  readonly NetworkMode: string;
  readonly PidsLimit: number;
  readonly ReadonlyRootfs: boolean;
  readonly RestartPolicy: { readonly Name: 'no'; readonly MaximumRetryCount: 0 };
  readonly SecurityOpt: readonly ['no-new-privileges'];
  readonly Tmpfs: Readonly<Record<string, string>>;
}

export interface BindMount {
  readonly Type: 'bind';
  readonly Source: string;
  readonly Target: string;
  readonly ReadOnly: true;
  readonly BindOptions: { readonly Propagation: 'rprivate'; readonly NonRecursive: true };
}

const MIN_MEMORY_BYTES = 6 * 1024 * 1024;
const MIN_NANO_CPUS = 10_000_000;
const DEFAULT_LOG_BYTES = 20 * 1024 * 1024;
const LOG_FILES = 2;

/**
 * The engine's HostConfig of a container, built key by key from an allow-list: no capability, no new privilege, no
 * device, no namespace of the host, no bind but read-only files of the agent, limits on processors, memory (swap
 * included: MemorySwap counts both), processes and logs. The engine never restarts a container, the agent does.
 * Throws `invalid` for a spec with anything unknown or out of range, whatever its static type said.
 */
export function hostConfig(input: ContainerSpec, options: CheckOptions = {}): HostConfig {
  const spec = checkContainerSpec(input, options);
  const memory = Math.max(spec.resources.memoryBytes, MIN_MEMORY_BYTES);
  return {
    CapDrop: ['ALL'],
    CgroupnsMode: 'private',
    Init: spec.init ?? true,
    IpcMode: 'private',
    LogConfig: {
      Type: 'json-file',
      Config: {
        'max-size': String(Math.floor((spec.logMaxSize ?? DEFAULT_LOG_BYTES) / LOG_FILES)),
        'max-file': String(LOG_FILES),
      },
    },
    Memory: memory,
    MemorySwap: memory,
    Mounts: (spec.mounts ?? []).map(({ source, target }) => ({
      Type: 'bind',
      Source: source,
      Target: target,
      ReadOnly: true,
      BindOptions: { Propagation: 'rprivate', NonRecursive: true },
    })),
    NanoCpus: Math.max(Math.round(spec.resources.cpu * 1e9), MIN_NANO_CPUS),
    NetworkMode: spec.network.name,
    PidsLimit: spec.resources.pids,
    ReadonlyRootfs: spec.readOnlyRootfs ?? false,
    RestartPolicy: { Name: 'no', MaximumRetryCount: 0 },
    SecurityOpt: ['no-new-privileges'],
    Tmpfs: Object.fromEntries(
      (spec.tmpfs ?? []).map(({ path, sizeBytes }) => [path, `rw,noexec,nosuid,nodev,mode=1777,size=${sizeBytes}`]),
    ),
  };
}

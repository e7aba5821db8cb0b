import type {
  ContainerInspection,
  ContainerNetwork,
  ContainerStats,
  ContainerStatus,
  ContainerSummary,
  ImageInspection,
} from './engine';
import type { NetworkInfo } from './network-spec';

/** The engine's answers, as far as they are read. Fields are optional: versions differ, and some are null when empty. */
export interface RawInspection {
  Id: string;
  Name?: string;
  Created?: string;
  Image?: string;
  RestartCount?: number;
  Config?: { Image?: string; Labels?: Record<string, string> | null };
  State?: {
    Status?: string;
    Pid?: number;
    ExitCode?: number;
    Error?: string;
    OOMKilled?: boolean;
    StartedAt?: string;
    FinishedAt?: string;
  };
  NetworkSettings?: { Networks?: Record<string, RawEndpoint | null> | null };
}

interface RawEndpoint {
  NetworkID?: string;
  EndpointID?: string;
  IPAddress?: string;
  IPPrefixLen?: number;
  MacAddress?: string;
}

export interface RawSummary {
  Id: string;
  Names?: string[] | null;
  Image?: string;
  ImageID?: string;
  State?: string;
  Created?: number;
  Labels?: Record<string, string> | null;
}

export interface RawStats {
  read?: string;
  pids_stats?: { current?: number };
  cpu_stats?: { cpu_usage?: { total_usage?: number } };
  memory_stats?: { usage?: number; limit?: number; stats?: Record<string, number> };
}

export interface RawImage {
  Id: string;
  RepoTags?: string[] | null;
  Size?: number;
  Config?: {
    Labels?: Record<string, string> | null;
    Entrypoint?: string[] | string | null;
    Cmd?: string[] | string | null;
    User?: string;
  } | null;
}

export interface RawNetwork {
  Id: string;
  Name: string;
  Driver?: string;
  Internal?: boolean;
  Options?: Record<string, string> | null;
  Labels?: Record<string, string> | null;
  IPAM?: {
    Driver?: string;
    Options?: Record<string, string> | null;
    Config?: { Subnet?: string; Gateway?: string }[] | null;
  };
}

const STATUSES: ReadonlySet<string> = new Set<ContainerStatus>([
  'created',
  'running',
  'paused',
  'restarting',
  'removing',
  'exited',
  'dead',
]);

/** An unknown status counts as dead: not running, and nothing to be started. */
const statusFrom = (text: string | undefined): ContainerStatus =>
  STATUSES.has(text ?? '') ? (text as ContainerStatus) : 'dead';

/** The engine writes the year 1 for "never". */
const timeFrom = (text: string | undefined): string | undefined =>
  text === undefined || text === '' || text.startsWith('0001-') ? undefined : text;

const nonEmpty = (text: string | undefined): string | undefined => (text ? text : undefined);

/** Leaves out what is undefined. */
function compact<T extends object>(value: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as T;
}

export function inspectionFrom(raw: RawInspection): ContainerInspection {
  const state = raw.State ?? {};
  const status = statusFrom(state.Status);
  const ended = status === 'exited' || status === 'dead' || (status === 'created' && Boolean(state.ExitCode));
  return compact<ContainerInspection>({
    id: raw.Id,
    name: (raw.Name ?? '').replace(/^\//, ''),
    image: raw.Config?.Image ?? '',
    imageId: raw.Image ?? '',
    status,
    pid: state.Pid ? state.Pid : undefined,
    exitCode: ended ? state.ExitCode : undefined,
    error: nonEmpty(state.Error),
    oomKilled: state.OOMKilled ?? false,
    restartCount: raw.RestartCount ?? 0,
    createdAt: raw.Created ?? '',
    startedAt: timeFrom(state.StartedAt),
    finishedAt: timeFrom(state.FinishedAt),
    labels: raw.Config?.Labels ?? {},
    networks: Object.fromEntries(
      Object.entries(raw.NetworkSettings?.Networks ?? {}).map(([name, endpoint]) => [
        name,
        networkFrom(endpoint ?? {}),
      ]),
    ),
  });
}

function networkFrom(raw: RawEndpoint): ContainerNetwork {
  return compact<ContainerNetwork>({
    networkId: raw.NetworkID ?? '',
    endpointId: nonEmpty(raw.EndpointID),
    ipv4Address: nonEmpty(raw.IPAddress),
    ipv4PrefixLength: raw.IPAddress ? raw.IPPrefixLen : undefined,
    macAddress: nonEmpty(raw.MacAddress),
  });
}

export function summaryFrom(raw: RawSummary): ContainerSummary {
  return {
    id: raw.Id,
    name: (raw.Names?.[0] ?? '').replace(/^\//, ''),
    image: raw.Image ?? '',
    imageId: raw.ImageID ?? '',
    status: statusFrom(raw.State),
    createdAt: new Date((raw.Created ?? 0) * 1000).toISOString(),
    labels: raw.Labels ?? {},
  };
}

/** Undefined for the empty reading that the engine gives for a container that does not run. */
export function statsFrom(raw: RawStats): ContainerStats | undefined {
  const readAt = timeFrom(raw.read);
  const memory = raw.memory_stats;
  if (!readAt || memory?.usage === undefined) return undefined;
  // `inactive_file` on cgroup v2, `total_inactive_file` on v1: page cache that the kernel drops first.
  const inactive = memory.stats?.['total_inactive_file'] ?? memory.stats?.['inactive_file'] ?? 0;
  return {
    cpuNanos: raw.cpu_stats?.cpu_usage?.total_usage ?? 0,
    memoryBytes: Math.max(memory.usage - inactive, 0),
    memoryLimitBytes: memory.limit ?? 0,
    pids: raw.pids_stats?.current ?? 0,
    readAt,
  };
}

export function imageFrom(raw: RawImage): ImageInspection {
  const words = (value: string[] | string | null | undefined): readonly string[] =>
    typeof value === 'string' ? [value] : (value ?? []);
  return {
    id: raw.Id,
    tags: raw.RepoTags ?? [],
    labels: raw.Config?.Labels ?? {},
    entrypoint: words(raw.Config?.Entrypoint),
    command: words(raw.Config?.Cmd),
    user: raw.Config?.User ?? '',
    sizeBytes: raw.Size ?? 0,
  };
}

export function networkInfoFrom(raw: RawNetwork): NetworkInfo {
  const config = raw.IPAM?.Config?.[0];
  return compact<NetworkInfo>({
    id: raw.Id,
    name: raw.Name,
    driver: raw.Driver ?? '',
    ipamDriver: raw.IPAM?.Driver ?? '',
    ipamOptions: raw.IPAM?.Options ?? {},
    subnet: nonEmpty(config?.Subnet),
    gateway: nonEmpty(config?.Gateway),
    options: raw.Options ?? {},
    labels: raw.Labels ?? {},
    internal: raw.Internal ?? false,
  });
}

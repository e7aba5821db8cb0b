import { chmod, mkdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { isErrno, waitFor } from '@heddle/host';
import { HeddleError } from '@heddle/model';

/** The kernel keeps a Unix socket's path in 108 bytes, one of them the terminating NUL. */
export const MAX_SOCKET_PATH_BYTES = 107;

/** Everything that one engine owns on the file system. */
export interface EngineDirs {
  /** Holds all the others; the engine leaves nothing elsewhere. */
  readonly base: string;
  /** Images, containers, and the engine's half of the networks. */
  readonly dataRoot: string;
  /** Of this boot: namespaces of running containers, containerd. */
  readonly execRoot: string;
  /** What the engine sees as `/run`. */
  readonly run: string;
  /** Where the engine looks for plugin sockets, as seen from outside. */
  readonly plugins: string;
  readonly socket: string;
  readonly pidFile: string;
  readonly containerdPidFile: string;
  /** What the engine sees as `/etc/docker`. */
  readonly etc: string;
}

/** The layout under `base`. Throws `invalid` when a socket in it would have too long a path. */
export function engineDirs(base: string): EngineDirs {
  const root = path.resolve(base);
  const execRoot = path.join(root, 'exec');
  const run = path.join(root, 'run');
  const dirs: EngineDirs = {
    base: root,
    dataRoot: path.join(root, 'data'),
    execRoot,
    run,
    plugins: path.join(run, 'docker', 'plugins'),
    socket: path.join(root, 'docker.sock'),
    pidFile: path.join(root, 'docker.pid'),
    containerdPidFile: path.join(execRoot, 'containerd', 'containerd.pid'),
    etc: path.join(root, 'etc'),
  };
  for (const socket of [
    dirs.socket,
    path.join(execRoot, 'containerd', 'containerd.sock.ttrpc'),
    path.join(dirs.plugins, 'heddle-network.sock'),
  ]) {
    checkSocketPath(socket);
  }
  return dirs;
}

/** Throws `invalid` for a path that no Unix socket can have. */
export function checkSocketPath(socketPath: string): void {
  const bytes = Buffer.byteLength(socketPath);
  if (!path.isAbsolute(socketPath) || socketPath.includes('\0')) {
    throw new HeddleError(
      'invalid',
      `found the socket path ${JSON.stringify(socketPath)}; allowed is an absolute path`,
    );
  }
  if (bytes > MAX_SOCKET_PATH_BYTES) {
    throw new HeddleError(
      'invalid',
      `the socket path ${socketPath} has ${bytes} bytes; allowed are ${MAX_SOCKET_PATH_BYTES}; choose a shorter directory`,
    );
  }
}

/** Makes the directories that the engine expects. Idempotent. */
export async function prepare(dirs: EngineDirs): Promise<void> {
  for (const dir of [dirs.base, dirs.dataRoot, dirs.execRoot, dirs.etc, dirs.run, dirs.plugins]) {
    await mkdir(dir, { recursive: true, mode: 0o711 });
  }
  await mkdir(path.join(dirs.run, 'lock'), { recursive: true });
  await chmod(dirs.plugins, 0o700);
}

export interface HolderOptions {
  /** Path of the network namespace to live in; a new one by default. */
  readonly netns?: string;
}

/** What the holder prints once its namespaces are ready. */
export const HOLDER_READY = 'ready';

/**
 * Parameters: the directories that become /run and /etc/docker. `--no-mtab` keeps mount from writing to the machine's
 * /run. The text is constant.
 */
const HOLDER_SCRIPT = [
  'mkdir -p /etc/docker',
  'mount --no-mtab --bind "$1" /run',
  'mount --no-mtab --bind "$2" /etc/docker',
  'ip link set dev lo up',
  `echo ${HOLDER_READY}`,
  'exec sleep infinity </dev/null >/dev/null 2>&1',
].join(' && ');

/**
 * The process that owns an engine's mount and network namespaces. It must outlive the engine: the namespaces of running
 * containers are bind mounts in it, and would be gone with an engine that owned them itself, live restore or not.
 *
 * `/run` is private to it for three reasons: the plugin folder `/run/docker/plugins` has a fixed path; an engine uses
 * the machine's containerd when it finds `/run/containerd/containerd.sock`; and shims keep sockets in `/run/containerd`.
 * `/etc/docker` is private because the engine keeps its identity there, and because it refuses to start when the
 * machine's `daemon.json` has a setting that is also a flag.
 */
export function holderArgv(dirs: EngineDirs, { netns }: HolderOptions = {}): string[] {
  const unshare = ['unshare', '--mount', '--propagation', 'private', ...(netns ? [] : ['--net'])];
  const enter = netns ? ['nsenter', `--net=${netns}`, '--'] : [];
  return [...enter, ...unshare, '--', 'sh', '-c', HOLDER_SCRIPT, 'sh', dirs.run, dirs.etc];
}

export interface EngineOptions {
  /** Process id of the running holder. */
  readonly holderPid: number;
  /** Absolute cgroup path under which the containers' cgroups are made. */
  readonly cgroupParent: string;
  /** Leave containers running while the engine is away. Default false. */
  readonly liveRestore?: boolean;
  readonly logLevel?: 'debug' | 'info' | 'warn' | 'error';
  /** Labels of the engine, `key=value`. */
  readonly labels?: readonly string[];
  /**
   * Address of a default bridge in CIDR, such as `172.31.0.1/24`, with the forwarding and the firewall rules that go with
   * it. Default: no bridge and no rules, networks are the plugin's business.
   */
  readonly bridge?: string;
}

/** The engine in its holder's namespaces. The spawned process becomes the engine itself, so that its pid is the engine's. */
export function engineArgv(dirs: EngineDirs, options: EngineOptions): string[] {
  return [
    ...['nsenter', '--mount', '--net', '--target', String(options.holderPid), '--'],
    'dockerd',
    ...['--host', `unix://${dirs.socket}`],
    ...['--data-root', dirs.dataRoot],
    ...['--exec-root', dirs.execRoot],
    ...['--pidfile', dirs.pidFile],
    ...(options.bridge === undefined
      ? ['--bridge', 'none', '--iptables=false', '--ip-forward=false']
      : ['--bip', options.bridge, '--iptables=true', '--ip-forward=true']),
    ...['--ip6tables=false', '--userland-proxy=false'],
    ...['--exec-opt', 'native.cgroupdriver=cgroupfs', '--cgroup-parent', options.cgroupParent],
    ...['--log-level', options.logLevel ?? 'warn'],
    ...(options.liveRestore ? ['--live-restore'] : []),
    ...(options.labels ?? []).flatMap((label) => ['--label', label]),
  ];
}

/** No proxy, no DOCKER_HOST and nothing else of the caller's. */
export const environment: Readonly<Record<string, string>> = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/root',
  LC_ALL: 'C.UTF-8',
};

/** A killed engine's containerd ends with it, a moment later. */
const CONTAINERD_END_MS = 10_000;

/**
 * Removes the pid files of an engine that is no more. An engine that was killed leaves both, and the next one refuses to
 * start ("pid file found") or waits for a containerd that is dead, also while the old process is a zombie.
 * Throws `conflict` when the engine named there is alive.
 */
export async function clearStale(dirs: EngineDirs): Promise<void> {
  const running = async (file: string, program: string): Promise<number | undefined> => {
    const pid = Number((await readOrEmpty(file)).trim());
    return pid > 0 && (await isAlive(pid, program)) ? pid : undefined;
  };
  const engine = await running(dirs.pidFile, 'dockerd');
  if (engine !== undefined)
    throw new HeddleError('conflict', `dockerd of ${dirs.base} is running as process ${engine}; stop it first`);
  await waitFor(async () => (await running(dirs.containerdPidFile, 'containerd')) === undefined, {
    deadlineMs: CONTAINERD_END_MS,
    what: `the containerd of ${dirs.base} to end after its engine`,
  });
  for (const file of [dirs.pidFile, dirs.containerdPidFile]) await rm(file, { force: true });
}

/** Whether the process runs that program; a zombie and a process that took over the number do not. */
async function isAlive(pid: number, program: string): Promise<boolean> {
  // "1234 (dockerd) S 1 ...": the name may hold anything, so it ends at the last parenthesis.
  const match = /^\d+ \((.*)\) (\S)/s.exec(await readOrEmpty(`/proc/${pid}/stat`));
  return match?.[1] === program && match[2] !== 'Z' && match[2] !== 'X';
}

async function readOrEmpty(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ESRCH')) return '';
    throw error;
  }
}

/** The pieces of an engine of one's own, for whoever starts one: a lab host, a test. */
export const EngineProcess = { dirs: engineDirs, prepare, holderArgv, engineArgv, environment, clearStale } as const;

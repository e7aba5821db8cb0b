import { inNetns } from '@heddle/host';
import type { NodeLayout } from './layout';

/** Made by a holder when its namespace is as it should be; in a file system of its own, so never seen before. */
export const HOLDER_READY = '/run/docker/heddle-holder';

/**
 * A constant script: hides from the engine what the machine's own engine may have there (plugins, a running containerd,
 * configuration and keys), then keeps the mount namespace.
 */
const HOLD = [
  'set -e',
  'mkdir -p /run/docker /run/containerd /etc/docker',
  'mount -t tmpfs -o mode=755 tmpfs /etc/docker',
  'mount -t tmpfs -o mode=755 tmpfs /run/containerd',
  'mount -t tmpfs -o mode=755 tmpfs /run/docker',
  `mkdir /run/docker/plugins ${HOLDER_READY}`,
  'exec sleep infinity',
].join('\n');

/**
 * The process that owns a host's mount namespace. A namespace of the engine's own would end with it, and the mounts that
 * hold its containers' network namespaces too: after a restart they would run on without a network. All of a host's
 * processes but the switch live in it, so the rest of /run, with the lab's sockets, stays as it is outside.
 */
export function holderCommand(netns: string): string[] {
  return [...inNetns(netns), 'unshare', '--mount', '--propagation', 'slave', '--', '/bin/sh', '-c', HOLD, 'hold'];
}

/** The database server of Open vSwitch; sockets and pid file go where OVS_RUNDIR says. */
export function ovsdbCommand(layout: NodeLayout): string[] {
  return [
    'ovsdb-server',
    layout.ovsDatabase,
    `--remote=punix:${layout.ovsSocket}`,
    '--pidfile',
    '-vconsole:warn',
    '-vsyslog:off',
    '-vfile:off',
  ];
}

/** The switch daemon, with the user-space datapath: bridges say so themselves. */
export function vswitchdCommand(layout: NodeLayout): string[] {
  return ['ovs-vswitchd', `unix:${layout.ovsSocket}`, '--pidfile', '-vconsole:info', '-vsyslog:off', '-vfile:off'];
}

/** One transaction on a node's switch, that returns when the switch has taken it over. */
export function vsctlCommand(layout: NodeLayout, ...commands: ReadonlyArray<readonly string[]>): string[] {
  return [
    'ovs-vsctl',
    `--db=unix:${layout.ovsSocket}`,
    '--timeout=10',
    ...commands.flatMap((words) => ['--', ...words]),
  ];
}

/** A bridge of the user-space datapath that forwards as an ordinary learning switch. */
export function learningBridge(name: string, options: { mac?: string } = {}): string[][] {
  return [
    ['--may-exist', 'add-br', name],
    [
      ...['set', 'bridge', name, 'datapath_type=netdev', 'fail_mode=standalone'],
      ...(options.mac ? [`other_config:hwaddr="${options.mac}"`] : []),
    ],
  ];
}

/** A bridge of the user-space datapath that forwards nothing but what its flows say. */
export function secureBridge(name: string): string[][] {
  return [
    ['--may-exist', 'add-br', name],
    ['set', 'bridge', name, 'datapath_type=netdev', 'fail_mode=secure'],
  ];
}

/**
 * Has a switch leave segmentation and checksums to whoever receives. It reads this once, when it starts, and so before it is
 * there to say that it has taken it over.
 */
export function segmentationCommand(layout: NodeLayout): string[] {
  return [
    ...['ovs-vsctl', `--db=unix:${layout.ovsSocket}`, '--timeout=10', '--no-wait'],
    ...['set', 'Open_vSwitch', '.', 'other_config:userspace-tso-enable=true'],
  ];
}

const GUARD_TABLE = 'heddle-lab';

/**
 * A script for nft: what comes and goes at the lab's cables is for the switch of the node alone, which reads and writes them
 * before these rules. The kernel would take part otherwise, with a switch in user space: it would answer ARP for the node's
 * addresses at each cable, with the MAC address of that cable.
 */
export function cableGuard(lab: string): string {
  const table = (family: string, arrival: string): string[] => [
    // Added first so that there is something to delete: the whole is one transaction, and may be applied again.
    `add table ${family} ${GUARD_TABLE}`,
    `delete table ${family} ${GUARD_TABLE}`,
    `table ${family} ${GUARD_TABLE} {`,
    `  chain arriving { type filter hook ${arrival} priority -300; policy accept; iifname "${lab}-*" drop; }`,
    `  chain leaving { type filter hook output priority -300; policy accept; oifname "${lab}-*" drop; }`,
    '}',
  ];
  return [...table('inet', 'prerouting'), ...table('arp', 'input'), ''].join('\n');
}

/** The door to the control plane: TCP on 127.0.0.1 outside, its Unix socket inside. `program` is a file that holds it. */
export function forwarderCommand(program: string, socket: string, port: number, portFile: string): string[] {
  return [process.execPath, '--max-old-space-size=32', program, socket, String(port), portFile];
}

/** Settings that a lab's processes take over from its caller; nothing else of its environment reaches them. */
const PASSED_ON = /^HEDDLE_/;

/** Where a node's processes look for programs: like the caller, and where daemons are in any case. */
export function partPath(outer: NodeJS.ProcessEnv): string {
  return [outer['PATH'], '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'].filter(Boolean).join(':');
}

/** The environment of a node's processes. */
export function partEnvironment(layout: NodeLayout, outer: NodeJS.ProcessEnv = process.env): Record<string, string> {
  const own = Object.entries(outer).filter((entry): entry is [string, string] => PASSED_ON.test(entry[0]));
  return {
    ...Object.fromEntries(own),
    PATH: partPath(outer),
    HOME: '/root',
    LANG: 'C.UTF-8',
    OVS_RUNDIR: layout.ovsRun,
    OVS_LOGDIR: layout.logs,
    OVS_DBDIR: layout.state,
    OVS_SYSCONFDIR: layout.state,
  };
}

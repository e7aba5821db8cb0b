import { accessSync, constants, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { run } from './run.mjs';

/**
 * What has to be on the machine, by the programs that are looked for: whoever brought them, they count. So a user's own
 * docker-ce is a Docker Engine, and is not replaced. What only tests or benches use is for these purposes alone.
 */
const NEEDED = [
  { programs: ['dockerd', 'containerd', 'runc'], package: 'docker.io' },
  { programs: ['ovs-vswitchd', 'ovsdb-server', 'ovsdb-tool', 'ovs-vsctl', 'ovs-ofctl'], package: 'openvswitch-switch' },
  { programs: ['nats-server'], package: 'nats-server' },
  { programs: ['ip'], package: 'iproute2' },
  { programs: ['nft'], package: 'nftables' },
  { programs: ['ethtool'], package: 'ethtool' },
  { programs: ['busybox'], package: 'busybox-static', isGood: isStatic },
  { programs: ['nsenter', 'unshare'], package: 'util-linux' },
  { programs: ['mount', 'umount'], package: 'mount' },
  { programs: ['iperf3'], package: 'iperf3', purposes: ['test', 'bench'] },
  // Emulates a processor by itself, so it runs where there is no virtualization.
  { programs: ['qemu-system-x86_64'], package: 'qemu-system-x86', purposes: ['test'] },
];

/** Daemons are not always on the path of a person. */
const FOLDERS = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/**
 * The entries of what is needed that lack a program, with those programs alone.
 *
 * @param {'setup' | 'demo' | 'bench' | 'test'} purpose what for
 * @param {string} [searchPath] folders to look in, by default those of this process and where daemons are
 * @returns {{ programs: string[], package: string }[]}
 */
export function missingPrograms(purpose, searchPath = [process.env.PATH, ...FOLDERS].join(':')) {
  const needed = NEEDED.filter(({ purposes }) => purposes?.includes(purpose) ?? true);
  return needed.flatMap(({ programs, package: name, isGood = () => true }) => {
    const missing = programs.filter((program) => !find(program, searchPath).some(isGood));
    return missing.length > 0 ? [{ programs: missing, package: name }] : [];
  });
}

function find(program, searchPath) {
  const files = searchPath.split(':').map((folder) => path.join(folder || '.', program));
  return files.filter((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      // Not there, or not to be run: the question this asks.
      return false;
    }
  });
}

/** Whether an ELF program needs no dynamic loader (has no PT_INTERP header), so that it runs in an image by itself. */
export function isStatic(file) {
  const elf = readFileSync(file);
  if (elf.toString('latin1', 0, 4) !== '\x7fELF' || elf[4] !== 2 || elf[5] !== 1) return false;
  const offset = Number(elf.readBigUInt64LE(0x20));
  const size = elf.readUInt16LE(0x36);
  const count = elf.readUInt16LE(0x38);
  const PT_INTERP = 3;
  return !Array.from({ length: count }, (_, i) => elf.readUInt32LE(offset + i * size)).includes(PT_INTERP);
}

/** Whether packages of this system are installed with apt-get. */
export function isDebian() {
  return existsSync('/etc/debian_version') && find('apt-get', FOLDERS.join(':')).length > 0;
}

/** The commands that install these packages. */
export function aptCommands(packages) {
  return [
    ['apt-get', 'update'],
    ['apt-get', 'install', '-y', '--no-install-recommends', ...packages],
  ];
}

/** Installs packages without letting any daemon be started or restarted by it. */
export async function installPackages(packages, log) {
  log(`installing ${packages.join(' ')}; none of their daemons is started`);
  const env = {
    ...process.env,
    DEBIAN_FRONTEND: 'noninteractive',
    // Ubuntu's apt would restart daemons that use a library which was upgraded.
    NEEDRESTART_SUSPEND: '1',
  };
  await withDaemonsHeldBack(async () => {
    for (const [command, ...args] of aptCommands(packages)) {
      await run([command, '-q', '-o', 'DPkg::Lock::Timeout=300', ...args], { env });
    }
  });
  if (existsSync('/run/systemd/system')) {
    log(
      'a package of a daemon also asks for it to be started with the machine; "systemctl disable NAME" takes that back',
    );
  }
}

const POLICY = '/usr/sbin/policy-rc.d';
const MARK = '# Written by the set-up of Heddle, and removed at its end.';

/**
 * Does the work while policy-rc.d answers every package script that wants to start, stop or restart a daemon with 101,
 * "forbidden" (invoke-rc.d(8)). What was there before is put back in any case; what a killed set-up left, too.
 *
 * @param {() => Promise<void>} work
 * @param {string} [policy] path of the file
 */
export async function withDaemonsHeldBack(work, policy = POLICY) {
  const saved = `${policy}.before-heddle`;
  const restore = () => {
    if (existsSync(saved)) renameSync(saved, policy);
    else if (isOurs(policy)) rmSync(policy);
  };
  restore();
  if (existsSync(policy)) renameSync(policy, saved);
  process.on('exit', restore);
  try {
    writeFileSync(policy, `#!/bin/sh\n${MARK}\nexit 101\n`, { mode: 0o755 });
    await work();
  } finally {
    restore();
    process.off('exit', restore);
  }
}

function isOurs(policy) {
  return existsSync(policy) && readFileSync(policy, 'utf8').includes(MARK);
}

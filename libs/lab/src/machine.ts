import { access, constants } from 'node:fs/promises';
import path from 'node:path';
import { HeddleError } from '@heddle/model';
import {
  isErrno,
  systemClock,
  SystemCgroup,
  SystemFiles,
  SystemIpCommand,
  SystemNetworkNamespaces,
  SystemProcesses,
  type Cgroup,
  type Clock,
  type Files,
  type IpCommand,
  type NetworkNamespaces,
  type Processes,
} from '@heddle/host';
import { partPath } from './commands';

/** What a lab needs of the machine it is made on. */
export interface Machine {
  readonly processes: Processes;
  readonly files: Files;
  readonly ip: IpCommand;
  readonly namespaces: NetworkNamespaces;
  readonly clock: Clock;
  openCgroup(path: string): Promise<Cgroup>;
  /** @throws HeddleError saying what is to be done, when labs cannot be made here or by this user */
  check(): Promise<void>;
}

/** Programs that a lab is made with, beside Heddle's own. */
const COMMANDS = [
  'ip',
  'ethtool',
  'nft',
  'nsenter',
  'unshare',
  'ovsdb-tool',
  'ovsdb-server',
  'ovs-vswitchd',
  'ovs-vsctl',
  'dockerd',
];

/** This machine. */
export function thisMachine(): Machine {
  const processes = new SystemProcesses();
  return {
    processes,
    files: new SystemFiles(),
    ip: new SystemIpCommand(processes),
    namespaces: new SystemNetworkNamespaces(processes),
    clock: systemClock,
    openCgroup: (path) => SystemCgroup.open(path),
    check: () => checkMachine(),
  };
}

/** @throws HeddleError `forbidden` for a user who is not root, `unavailable` when programs are missing */
export async function checkMachine(
  uid: number | undefined = process.getuid?.(),
  searchPath: string = partPath(process.env),
): Promise<void> {
  if (uid !== 0) {
    throw new HeddleError(
      'forbidden',
      'a lab makes network namespaces and starts Docker Engines, which needs root: run the command again with sudo',
    );
  }
  const found = await Promise.all(COMMANDS.map((command) => isInstalled(command, searchPath)));
  const missing = COMMANDS.filter((_, i) => !found[i]);
  if (missing.length === 0) return;
  throw new HeddleError(
    'unavailable',
    `a lab needs ${missing.join(', ')}, not found in ${searchPath}: "npm run setup" installs what is missing`,
    { retryable: false },
  );
}

async function isInstalled(command: string, searchPath: string): Promise<boolean> {
  for (const folder of searchPath.split(':')) {
    try {
      await access(path.join(folder, command), constants.X_OK);
      return true;
    } catch (error) {
      if (!isErrno(error, 'ENOENT', 'EACCES', 'ENOTDIR')) throw error;
    }
  }
  return false;
}

import {
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

/** What a lab needs of the machine it is made on. */
export interface Machine {
  readonly processes: Processes;
  readonly files: Files;
  readonly ip: IpCommand;
  readonly namespaces: NetworkNamespaces;
  readonly clock: Clock;
  openCgroup(path: string): Promise<Cgroup>;
}

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
  };
}

import os from 'node:os';
import type { Processes } from '@heddle/host';

/** The machine and the programs on it, as far as they bear on what is measured. */
export interface MachineConditions {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly node: string;
  readonly docker: string;
  readonly openVSwitch: string;
  readonly natsServer: string;
}

/** Under what circumstances something was measured. */
export interface Conditions extends MachineConditions {
  readonly date: string;
  /** Load averages of one minute: what else the machine did, and what the bench itself did. */
  readonly loadBefore: number;
  readonly loadAfter: number;
  readonly [more: string]: unknown;
}

export async function machineConditions(processes: Processes): Promise<MachineConditions> {
  const [docker, openVSwitch, natsServer] = await Promise.all([
    version(processes, ['dockerd', '--version']),
    version(processes, ['ovs-vswitchd', '--version']),
    version(processes, ['nats-server', '--version']),
  ]);
  const cpus = os.cpus();
  return {
    cpu: cpus[0]?.model.trim() ?? 'unknown',
    cores: cpus.length,
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    kernel: os.release(),
    node: process.versions.node,
    docker,
    openVSwitch,
    natsServer,
  };
}

export const loadAverage = (): number => Math.round((os.loadavg()[0] ?? 0) * 100) / 100;

/** The first version number that a program prints. */
async function version(processes: Processes, argv: readonly string[]): Promise<string> {
  const { stdout, stderr } = await processes.run(argv);
  return /\d+\.\d+(\.\d+)?/.exec(stdout + stderr)?.[0] ?? 'unknown';
}

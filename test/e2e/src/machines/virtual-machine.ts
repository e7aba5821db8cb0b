import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { checkSocketPath } from '@heddle/docker';
import {
  inNetns,
  lastLines,
  SystemFiles,
  SystemIpCommand,
  SystemProcesses,
  type Cgroup,
  type Daemon,
  type DaemonExit,
} from '@heddle/host';
import { HEDDLE_BRIDGE, type HostNode } from '@heddle/lab';
import { HeddleError } from '@heddle/model';
import { MachineConsole, type Outcome } from './console';
import { buildInitramfs } from './initramfs';
import { machineParts, type MachineParts } from './kernel';

/** Two seconds where nothing else runs; the emulator waits for its turn like everybody else. */
const BOOT_MS = 60_000;
const EXEC_MS = 20_000;
/** What a command needs beside the time that it is given itself: the processor is emulated. */
const SLACK_MS = 15_000;
const END_MS = 5_000;
const LOG_LINES = 20;
const MEMORY_MIB = 96;

/** Where a virtual machine runs. */
export interface MachineHost {
  /** Name of the network namespace that its tap is in. */
  readonly netns: string;
  /** Folder for its files, which is there. */
  readonly folder: string;
  /** Holds the emulator, so that it ends with what it belongs to. */
  readonly cgroup?: Cgroup;
  /** The bridge that its tap becomes a port of; without it the caller does as it likes with the tap. */
  readonly bridge?: { readonly databaseSocket: string; readonly name: string };
}

export interface VirtualMachineOptions {
  readonly name: string;
  /** Name of the tap in the host's namespace, at most 15 characters. */
  readonly tap: string;
  readonly mac: string;
  /** With the length of its prefix: `10.32.0.9/16`. */
  readonly address: string;
  readonly gateway?: string;
  /** Bytes; of the tap and of the interface in the machine. Default 1450, what fits into a tunnel over 1500. */
  readonly mtu?: number;
  /** TCP ports at which it answers HTTP with its name. */
  readonly ports?: readonly number[];
  /** `external_ids:iface-id` of the port on the bridge. Default: the name of the machine. */
  readonly interfaceId?: string;
}

const processes = new SystemProcesses();
const ip = new SystemIpCommand(processes);

/**
 * A machine with a kernel of its own behind a tap: the kind of endpoint that a hypervisor would bring. It is emulated down
 * to the processor, which costs two seconds to boot and works everywhere; /dev/kvm may be there and still not run a kernel
 * that was not made for it.
 */
export class VirtualMachine {
  private daemon: Daemon | undefined;
  private console: MachineConsole | undefined;
  private exit: DaemonExit | undefined;

  private constructor(
    readonly host: MachineHost,
    private readonly options: VirtualMachineOptions,
    private readonly parts: MachineParts,
  ) {}

  /**
   * Boots a machine and waits until it takes commands. What was begun is undone when that fails.
   * @throws HeddleError `unavailable` when it cannot be booted here, with what the kernel said last
   */
  static async start(host: MachineHost, options: VirtualMachineOptions): Promise<VirtualMachine> {
    const parts = machineParts();
    if ('missing' in parts) throw new HeddleError('unavailable', `no virtual machine can be booted: ${parts.missing}`);
    const machine = new VirtualMachine(host, options, parts);
    checkSocketPath(machine.file('console'));
    try {
      await machine.connectTap();
      await machine.boot();
      return machine;
    } catch (error) {
      await machine.stop();
      throw error;
    }
  }

  /** The same on a host of a lab, on the bridge that Heddle programs there. It ends with the host. */
  static async startOn(node: HostNode, options: VirtualMachineOptions): Promise<VirtualMachine> {
    const cgroup = node.cgroup.child('machines');
    await cgroup.create();
    return VirtualMachine.start(
      {
        netns: node.netns,
        folder: node.layout.run,
        cgroup,
        bridge: { databaseSocket: node.layout.ovsSocket, name: HEDDLE_BRIDGE },
      },
      options,
    );
  }

  get name(): string {
    return this.options.name;
  }

  get mac(): string {
    return this.options.mac;
  }

  /** Without prefix. */
  get address(): string {
    return this.options.address.split('/')[0] as string;
  }

  /** Process id of the emulator. */
  get pid(): number {
    if (!this.daemon) throw new HeddleError('state', `virtual machine ${this.name} does not run`);
    return this.daemon.identity.pid;
  }

  /** Runs a command in the machine; its words are read by no shell. Several may be under way at one time. */
  async exec(argv: readonly string[], deadlineMs = EXEC_MS): Promise<Outcome> {
    if (!this.console) throw new HeddleError('state', `virtual machine ${this.name} does not run`);
    return this.console.exec(argv, deadlineMs);
  }

  /**
   * Tries a TCP connection from inside. Open means that packets go both ways, so a refusal by the target counts.
   * @throws HeddleError `internal` when the attempt itself failed
   */
  async connect(address: string, port: number, timeoutMs: number): Promise<'open' | 'closed'> {
    const { code, output } = await this.exec(['sh', '-c', TRY, 'try', address, String(port), `${timeoutMs}000`], timeoutMs + SLACK_MS); // prettier-ignore
    if (code === 0 || /refused|reset/i.test(output)) return 'open';
    if (code === ENDED_BY_SIGTERM || /unreachable|no route|timed out/i.test(output)) return 'closed';
    throw new HeddleError('internal', `nc in virtual machine ${this.name} ended with code ${code}: ${output}`);
  }

  /** Tells the network where it is without being asked (gratuitous ARP), as a machine does that has moved. */
  async announce(): Promise<void> {
    const { code, output } = await this.exec(['arping', '-U', '-c', '1', '-I', 'eth0', this.address]);
    if (code !== 0) throw new HeddleError('internal', `arping in virtual machine ${this.name} ended with ${output}`);
  }

  /** Ends the machine as pulling its plug would, and takes its port and tap away. Harmless when it has ended. */
  async stop(): Promise<void> {
    const { netns, bridge } = this.host;
    this.console?.close();
    this.console = undefined;
    if (this.daemon) await processes.terminate(this.daemon.identity, END_MS);
    this.daemon = undefined;
    if (bridge) await this.vsctl('--if-exists', 'del-port', bridge.name, this.options.tap);
    if (await ip.link(this.options.tap, netns)) await ip.batch([['link', 'del', 'dev', this.options.tap]], netns);
    for (const kind of ['console', 'initramfs', 'log']) await rm(this.file(kind), { force: true });
  }

  private async connectTap(): Promise<void> {
    const { tap, name, mac, interfaceId = name } = this.options;
    const { netns, bridge } = this.host;
    const up = ['link', 'set', 'dev', tap, 'mtu', String(this.mtu), 'up'];
    await ip.batch([['tuntap', 'add', 'dev', tap, 'mode', 'tap'], up], netns);
    if (!bridge) return;
    const ids = [`external_ids:iface-id=${interfaceId}`, `external_ids:attached-mac="${mac}"`];
    await this.vsctl('add-port', bridge.name, tap, '--', 'set', 'Interface', tap, ...ids);
  }

  private async boot(): Promise<void> {
    const [consoleFile, initramfs, logFile] = [this.file('console'), this.file('initramfs'), this.file('log')];
    await rm(consoleFile, { force: true });
    await rm(logFile, { force: true });
    await writeFile(initramfs, await buildInitramfs(this.parts));
    const argv = [...inNetns(this.host.netns), ...this.emulator(initramfs, consoleFile)];
    const { cgroup } = this.host;
    this.daemon = await processes.spawnDaemon(argv, { logFile, ...(cgroup ? { cgroup } : {}) });
    void this.daemon.exited.then((exit) => (this.exit = exit));
    const check = (): void => {
      if (this.exit) throw new HeddleError('unavailable', `ended with ${this.exit.signal ?? `code ${this.exit.code}`}`);
    };
    try {
      this.console = await MachineConsole.open(consoleFile, { name: this.name, deadlineMs: BOOT_MS, check });
      await this.console.ready(BOOT_MS, check);
    } catch (cause) {
      const said = lastLines((await new SystemFiles().readText(logFile)) ?? '', LOG_LINES);
      const why = HeddleError.from(cause).message;
      throw new HeddleError('unavailable', `virtual machine ${this.name} did not boot: ${why}; its log:\n${said}`, { cause }); // prettier-ignore
    }
  }

  private emulator(initramfs: string, consoleFile: string): string[] {
    const { tap, mac } = this.options;
    return [
      this.parts.emulator,
      ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
      ...['-name', this.name, '-machine', 'q35,smm=off,sata=off,usb=off,vmport=off', '-accel', 'tcg,tb-size=32'],
      ...['-smp', '1', '-m', String(MEMORY_MIB)],
      ...['-kernel', this.parts.kernel, '-initrd', initramfs, '-append', this.commandLine()],
      ...['-serial', 'stdio'],
      ...['-device', 'virtio-serial', '-device', 'virtconsole,chardev=commands'],
      ...['-chardev', `socket,id=commands,path=${consoleFile},server=on,wait=off`],
      ...['-netdev', `tap,id=net,ifname=${tap},script=no,downscript=no`],
      ...['-device', ['virtio-net-pci,netdev=net,romfile=', `mac=${mac}`, ...NO_OFFLOADS].join(',')],
    ];
  }

  private commandLine(): string {
    const { name, address, gateway = '', ports = [] } = this.options;
    return [
      ...['console=ttyS0', 'quiet', 'mitigations=off', 'panic=-1'],
      ...[`machine_name=${name}`, `machine_address=${address}`, `machine_gateway=${gateway}`],
      ...[`machine_mtu=${this.mtu}`, `machine_ports=${ports.join(',')}`],
    ].join(' ');
  }

  private get mtu(): number {
    return this.options.mtu ?? 1450;
  }

  private file(kind: string): string {
    return path.join(this.host.folder, `machine-${this.name}.${kind}`);
  }

  private async vsctl(...words: readonly string[]): Promise<void> {
    const socket = this.host.bridge?.databaseSocket;
    await processes.run(['ovs-vsctl', `--db=unix:${socket}`, '--timeout=10', ...words], { deadlineMs: 15_000 });
  }
}

/**
 * Neither side may leave a checksum or the cutting of a large segment to the other: what the user-space datapath of Open
 * vSwitch sees of a tap has no hardware behind it that would make up for it.
 */
const NO_OFFLOADS = [
  ...['csum', 'gso', 'host_tso4', 'host_tso6', 'host_ecn', 'host_ufo'],
  ...['guest_csum', 'guest_tso4', 'guest_tso6', 'guest_ecn', 'guest_ufo'],
].map((feature) => `${feature}=off`);

/** A constant script: connects to $1 port $2 and ends; is ended by SIGTERM when that takes longer than $3 microseconds. */
const TRY = [
  'nc "$1" "$2" -e true </dev/null & attempt=$!',
  '(usleep "$3"; kill $attempt) 2>/dev/null & timer=$!',
  'wait $attempt; code=$?; kill $timer; exit $code',
].join('\n');
const ENDED_BY_SIGTERM = 128 + 15;

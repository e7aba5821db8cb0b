import { HeddleError } from '@heddle/model';
import { CommandError } from './command-error';
import type { CommandRunner } from './fork-server';
import { netnsPath } from './netns';

/** One command of `ip` as its words, without the leading `ip`: `['link', 'set', 'dev', 'eth0', 'up']`. */
export type IpWords = readonly string[];

/** A link as `ip -j -d link show` tells it; only what is used here, all else is there as well. */
export interface IpLink {
  readonly ifindex: number;
  readonly ifname: string;
  readonly flags: readonly string[];
  readonly mtu: number;
  readonly operstate: string;
  readonly address?: string;
  readonly ifalias?: string;
  /** What it is a child of, or with a veth pair its peer: by name in the same namespace, else by index in another one. */
  readonly link?: string;
  readonly link_index?: number;
  readonly link_netnsid?: number;
  /** The bridge, bond or other link that it is a part of. */
  readonly master?: string;
  /** `ether`, `loopback`, ... */
  readonly link_type?: string;
  readonly linkinfo?: {
    readonly info_kind?: string;
    readonly info_data?: Readonly<Record<string, unknown>>;
    /** Kind of its master. */
    readonly info_slave_kind?: string;
  };
  readonly addr_info?: ReadonlyArray<{ readonly family: string; readonly local: string; readonly prefixlen: number }>;
}

/**
 * Links, addresses and routes, in this network namespace or in another one. Every `netns` is the name of a namespace, or the
 * absolute path of the file that it is mounted on; without it, it is the one this process is in.
 */
export interface IpCommand {
  /** `ip -j WORDS`: what it printed, parsed. */
  query<T>(words: IpWords, netns?: string): Promise<T[]>;
  /**
   * Runs commands one after the other in one `ip` process; the first that fails ends it, those before it stay done.
   * @throws HeddleError naming the command that failed
   */
  batch(commands: readonly IpWords[], netns?: string): Promise<void>;
  /** All links of a namespace with their details. */
  links(netns?: string): Promise<IpLink[]>;
  /** One link with its addresses, or nothing when there is none by that name. */
  link(name: string, netns?: string): Promise<IpLink | undefined>;
  /**
   * Switches off what a link would leave to hardware. A user-space datapath needs this (`tx`) for the kernel end of a
   * veth pair: the checksums that the kernel left out are invalid to its connection tracking.
   */
  offloadsOff(link: string, features: readonly string[], netns?: string): Promise<void>;
  /**
   * MAC addresses beside its own that a link takes frames for, as lower case: those of its children that are up, in whatever
   * namespace these are. None when there is no such link.
   */
  filteredMacs(link: string, netns?: string): Promise<string[]>;
}

/** One end of a veth pair. */
export interface VethEnd {
  readonly name: string;
  /** Name of the network namespace it is made in; without it, the one the command runs in. */
  readonly netns?: string;
  readonly mac?: string;
  readonly mtu?: number;
  /** Set up at once. Default: left down. */
  readonly up?: boolean;
}

/** The command that makes a veth pair, each end at once in its own namespace. */
export function vethAdd(end: VethEnd, peer: VethEnd): IpWords {
  return ['link', 'add', 'name', ...vethWords(end), 'type', 'veth', 'peer', 'name', ...vethWords(peer)];
}

function vethWords(end: VethEnd): string[] {
  return [
    end.name,
    ...(end.up ? ['up'] : []),
    ...(end.mac ? ['address', end.mac] : []),
    ...(end.mtu ? ['mtu', String(end.mtu)] : []),
    ...(end.netns ? ['netns', end.netns] : []),
  ];
}

export type MacvlanMode = 'bridge' | 'private' | 'vepa';

export interface MacvlanSpec {
  readonly name: string;
  readonly parent: string;
  readonly mac: string;
  /** Not more than the parent's: the kernel refuses it. */
  readonly mtu: number;
  readonly mode: MacvlanMode;
}

/** The command that makes a macvlan child, down. */
export const macvlanAdd = (spec: MacvlanSpec): IpWords =>
  childOf(spec.parent, spec, ['address', spec.mac, 'type', 'macvlan', 'mode', spec.mode]);

export interface VlanSpec {
  readonly name: string;
  readonly parent: string;
  readonly mtu: number;
  /** 1 to 4094. */
  readonly id: number;
}

/** The command that makes an 802.1Q sub-interface, down. */
export const vlanAdd = (spec: VlanSpec): IpWords => childOf(spec.parent, spec, ['type', 'vlan', 'id', String(spec.id)]);

function childOf(parent: string, { name, mtu }: { name: string; mtu: number }, rest: IpWords): IpWords {
  return ['link', 'add', 'link', parent, 'name', name, 'mtu', String(mtu), ...rest];
}

/** Words for `ip -batch`, one command a line. A word that could be read as more than one is refused. */
export function formatBatch(commands: readonly IpWords[]): string {
  return commands.map((words) => `${words.map(checkWord).join(' ')}\n`).join('');
}

function checkWord(word: string): string {
  if (!/^[\x21-\x7e]+$/.test(word) || /["'\\#]/.test(word)) {
    throw new HeddleError('invalid', `"${word}" cannot be a word of an ip command`);
  }
  return word;
}

/** Links by means of iproute2 and ethtool. */
export class SystemIpCommand implements IpCommand {
  constructor(private readonly runner: CommandRunner) {}

  async query<T>(words: IpWords, netns?: string): Promise<T[]> {
    const { stdout } = await this.runner.run(command('ip', ['-j'], words, netns));
    return parseList<T>(stdout);
  }

  async batch(commands: readonly IpWords[], netns?: string): Promise<void> {
    const input = formatBatch(commands);
    const [only, ...others] = commands;
    if (only === undefined) return;
    try {
      if (others.length === 0) await this.runner.run(command('ip', [], only, netns));
      else await this.runner.run(command('ip', [], ['-batch', '-'], netns), { input });
    } catch (error) {
      throw error instanceof CommandError ? withFailedCommand(error, commands) : error;
    }
  }

  links(netns?: string): Promise<IpLink[]> {
    return this.query<IpLink>(['-d', 'link', 'show'], netns);
  }

  async link(name: string, netns?: string): Promise<IpLink | undefined> {
    const argv = command('ip', ['-j'], ['-d', 'address', 'show', 'dev', name], netns);
    const { stdout, stderr, code } = await this.runner.run(argv, { okCodes: [0, 1] });
    if (code === 0) return parseList<IpLink>(stdout)[0];
    if (stderr.includes('does not exist')) return undefined;
    throw new CommandError({ argv, what: `ended with code ${code}`, code: 'internal', exitCode: code, stderr });
  }

  async offloadsOff(link: string, features: readonly string[], netns?: string): Promise<void> {
    const inside = netns === undefined ? [] : enter(netns);
    await this.runner.run([...inside, 'ethtool', '-K', link, ...features.flatMap((feature) => [feature, 'off'])]);
  }

  async filteredMacs(link: string, netns?: string): Promise<string[]> {
    const argv = command('bridge', ['-j'], ['fdb', 'show', 'dev', link], netns);
    const { stdout, stderr, code } = await this.runner.run(argv, { okCodes: [0, BRIDGE_FAILED] });
    if (code === 0) return parseList<FdbEntry>(stdout).flatMap((entry) => unicastMac(entry) ?? []);
    if (stderr.includes('Cannot find device')) return [];
    throw new CommandError({ argv, what: `ended with code ${code}`, code: 'internal', exitCode: code, stderr });
  }
}

/** Exit code of `bridge` for whatever it was asked and could not do. */
const BRIDGE_FAILED = 255;

interface FdbEntry {
  readonly mac?: string;
  readonly flags?: readonly string[];
}

/** Groups are in the same list; their MACs have the lowest bit of the first octet set. */
function unicastMac({ mac, flags = [] }: FdbEntry): string | undefined {
  const own = flags.includes('self') && mac !== undefined && (parseInt(mac.slice(0, 2), 16) & 1) === 0;
  return own ? mac.toLowerCase() : undefined;
}

const parseList = <T>(stdout: string): T[] => (stdout.trim() === '' ? [] : (JSON.parse(stdout) as T[]));

/** A command of iproute2 in a namespace. Its own `-n` knows names only, and looks for them in one folder. */
function command(program: 'ip' | 'bridge', options: IpWords, words: IpWords, netns: string | undefined): string[] {
  if (netns === undefined) return [program, ...options, ...words];
  if (netns.startsWith('/')) return [...enter(netns), program, ...options, ...words];
  return [program, ...options, '-n', netns, ...words];
}

const enter = (netns: string): string[] => [
  'nsenter',
  `--net=${netns.startsWith('/') ? netns : netnsPath(netns)}`,
  '--',
];

function withFailedCommand(error: CommandError, commands: readonly IpWords[]): HeddleError {
  // A single command is no batch, and has no line.
  const line = commands.length === 1 ? '1' : /Command failed -:(\d+)/.exec(error.stderr)?.[1];
  const words = line === undefined ? undefined : commands[Number(line) - 1];
  if (words === undefined) return error;
  const said = error.stderr.replace(/Command failed -:\d+/, '').trim();
  return new HeddleError(error.code, `ip ${words.join(' ')}: ${said}`, { cause: error });
}

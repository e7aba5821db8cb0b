import { HeddleError } from '@heddle/model';
import { CommandError } from './command-error';
import type { CommandRunner } from './fork-server';

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
  readonly link_netnsid?: number;
  readonly linkinfo?: { readonly info_kind?: string; readonly info_data?: Readonly<Record<string, unknown>> };
  readonly addr_info?: ReadonlyArray<{ readonly family: string; readonly local: string; readonly prefixlen: number }>;
}

/** Links, addresses and routes, in this network namespace or in a named one. */
export interface IpCommand {
  /**
   * `ip -j WORDS`: what it printed, parsed.
   * @param netns name of the network namespace; without it, the one this process is in
   */
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
    const { stdout } = await this.runner.run(['ip', '-j', ...inNetns(netns), ...words]);
    return stdout.trim() === '' ? [] : (JSON.parse(stdout) as T[]);
  }

  async batch(commands: readonly IpWords[], netns?: string): Promise<void> {
    const input = formatBatch(commands);
    const [only, ...others] = commands;
    if (only === undefined) return;
    try {
      if (others.length === 0) await this.runner.run(['ip', ...inNetns(netns), ...only]);
      else await this.runner.run(['ip', ...inNetns(netns), '-batch', '-'], { input });
    } catch (error) {
      throw error instanceof CommandError ? withFailedCommand(error, commands) : error;
    }
  }

  links(netns?: string): Promise<IpLink[]> {
    return this.query<IpLink>(['-d', 'link', 'show'], netns);
  }

  async link(name: string, netns?: string): Promise<IpLink | undefined> {
    const argv = ['ip', '-j', ...inNetns(netns), '-d', 'address', 'show', 'dev', name];
    const { stdout, stderr, code } = await this.runner.run(argv, { okCodes: [0, 1] });
    if (code === 0) return (JSON.parse(stdout) as IpLink[])[0];
    if (stderr.includes('does not exist')) return undefined;
    throw new CommandError({ argv, what: `ended with code ${code}`, code: 'internal', exitCode: code, stderr });
  }

  async offloadsOff(link: string, features: readonly string[], netns?: string): Promise<void> {
    const inside = netns === undefined ? [] : ['nsenter', `--net=/run/netns/${netns}`, '--'];
    await this.runner.run([...inside, 'ethtool', '-K', link, ...features.flatMap((feature) => [feature, 'off'])]);
  }
}

function inNetns(netns: string | undefined): string[] {
  return netns === undefined ? [] : ['-n', netns];
}

function withFailedCommand(error: CommandError, commands: readonly IpWords[]): HeddleError {
  // A single command is no batch, and has no line.
  const line = commands.length === 1 ? '1' : /Command failed -:(\d+)/.exec(error.stderr)?.[1];
  const words = line === undefined ? undefined : commands[Number(line) - 1];
  if (words === undefined) return error;
  const said = error.stderr.replace(/Command failed -:\d+/, '').trim();
  return new HeddleError(error.code, `ip ${words.join(' ')}: ${said}`, { cause: error });
}

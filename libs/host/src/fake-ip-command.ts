import { HeddleError } from '@heddle/model';
import { formatBatch, type IpCommand, type IpLink, type IpWords } from './ip-command';

type FakeLink = { -readonly [K in keyof IpLink]: IpLink[K] } & { readonly netns: string };

const HERE = '';
const ETHERNET_MTU = 1500;

/**
 * Links in memory. It understands what this project's batches do to links (`link add ... type veth|macvlan|vlan|ipvlan`, `link
 * del`, `link set` with `up`, `down`, `mtu`, `address`, `alias`, `master`, `name`, `netns`, `type macvlan mode`, `address
 * add|replace|del`) and keeps every command; other commands are kept and otherwise succeed. Removing one end of a veth pair
 * removes the other, and removing a link removes its children in whatever namespace these are.
 */
export class FakeIpCommand implements IpCommand {
  /** Every command of every batch, with its namespace (empty: the own one). */
  readonly commands: Array<{ readonly netns: string; readonly words: IpWords }> = [];
  /** Every call of {@link offloadsOff}. */
  readonly offloads: Array<{ readonly netns: string; readonly link: string; readonly features: readonly string[] }> =
    [];
  private all: FakeLink[] = [];
  private readonly peers = new Map<number, number>();
  /** Index of a child's parent by its own. */
  private readonly parents = new Map<number, number>();
  private readonly answers = new Map<string, unknown[]>();
  private nextIndex = 2;

  /** What {@link query} gives for these words. */
  answer(words: IpWords, value: unknown[]): this {
    this.answers.set(words.join(' '), value);
    return this;
  }

  async query<T>(words: IpWords, _netns?: string): Promise<T[]> {
    return (this.answers.get(words.join(' ')) ?? []) as T[];
  }

  async batch(commands: readonly IpWords[], netns = HERE): Promise<void> {
    formatBatch(commands);
    for (const words of commands) {
      this.commands.push({ netns, words });
      if (words[0] === 'link') this.linkCommand(words.slice(1), netns);
      if (words[0] === 'address' || words[0] === 'addr') this.addressCommand(words.slice(1), netns);
    }
  }

  async links(netns = HERE): Promise<IpLink[]> {
    return this.all.filter((link) => link.netns === netns).map((link) => this.seen(link));
  }

  async link(name: string, netns = HERE): Promise<IpLink | undefined> {
    const link = this.find(name, netns);
    return link && this.seen(link);
  }

  async offloadsOff(link: string, features: readonly string[], netns = HERE): Promise<void> {
    this.need(link, netns);
    this.offloads.push({ netns, link, features });
  }

  async filteredMacs(name: string, netns = HERE): Promise<string[]> {
    const link = this.find(name, netns);
    const children = link ? this.childrenOf(link).filter(({ flags }) => flags.includes('UP')) : [];
    return children.flatMap(({ address, linkinfo }) =>
      linkinfo?.info_kind === 'macvlan' && address ? [address.toLowerCase()] : [],
    );
  }

  private linkCommand(words: IpWords, netns: string): void {
    const [verb, ...rest] = words;
    if (verb === 'add') this.add(rest, netns);
    else if (verb === 'del' || verb === 'delete') this.remove(this.need(nameOf(rest), netns));
    else if (verb === 'set') this.set(rest, netns);
  }

  private addressCommand([verb, cidr = '', ...rest]: IpWords, netns: string): void {
    const link = this.need(valueOf(rest, 'dev') ?? '', netns);
    const [local = '', prefixlen] = cidr.split('/');
    const others = (link.addr_info ?? []).filter((address) => address.local !== local);
    const family = local.includes(':') ? 'inet6' : 'inet';
    link.addr_info = verb === 'del' ? others : [...others, { family, local, prefixlen: Number(prefixlen) }];
  }

  private add(words: IpWords, netns: string): void {
    const type = words.indexOf('type');
    const kind = words[type + 1] ?? '';
    const parent = words[0] === 'link' ? this.need(words[1] ?? '', netns) : undefined;
    const first = this.create(words.slice(parent ? 2 : 0, type), kind, netns, parent);
    first.linkinfo = { info_kind: kind, info_data: infoData(kind, words.slice(type + 2)) };
    if (parent) this.parents.set(first.ifindex, parent.ifindex);
    if (kind !== 'veth') return;
    const second = this.create(words.slice(words.indexOf('peer') + 1), kind, netns);
    this.peers.set(first.ifindex, second.ifindex).set(second.ifindex, first.ifindex);
  }

  private create(words: IpWords, kind: string, here: string, parent?: FakeLink): FakeLink {
    const name = nameOf(words);
    const netns = valueOf(words, 'netns') ?? here;
    const refuse = (why: string): never => {
      throw new HeddleError('internal', `ip link add ${name}: RTNETLINK answers: ${why}`);
    };
    if (this.find(name, netns)) refuse('File exists');
    const mtu = Number(valueOf(words, 'mtu') ?? parent?.mtu ?? ETHERNET_MTU);
    if (parent && mtu > parent.mtu) refuse('Invalid argument');
    const isFree = kind !== 'macvlan' || (parent?.master === undefined && !this.hasIpvlan(parent));
    if (!isFree) refuse('Device or resource busy');
    const link: FakeLink = {
      ifindex: this.nextIndex++,
      ifname: name,
      flags: words.includes('up') ? ['UP'] : [],
      mtu,
      operstate: words.includes('up') ? 'UP' : 'DOWN',
      link_type: 'ether',
      address: valueOf(words, 'address') ?? '02:00:00:00:00:01',
      linkinfo: { info_kind: kind },
      netns,
    };
    this.all.push(link);
    return link;
  }

  private set(words: IpWords, here: string): void {
    const link = this.need(nameOf(words), here);
    if (words.includes('up')) Object.assign(link, { flags: ['UP'], operstate: 'UP' });
    if (words.includes('down')) Object.assign(link, { flags: [], operstate: 'DOWN' });
    const mtu = valueOf(words, 'mtu');
    const rest = words[0] === 'dev' ? words.slice(2) : words.slice(1);
    const mode = rest[0] === 'type' ? valueOf(rest, 'mode') : undefined;
    Object.assign(link, {
      ...(mtu ? { mtu: Number(mtu) } : {}),
      ...pick('address', valueOf(rest, 'address')),
      ...pick('ifalias', valueOf(rest, 'alias')),
      ...pick('master', valueOf(rest, 'master')),
      ...pick('ifname', valueOf(rest, 'name')),
      ...pick('netns', netns(valueOf(rest, 'netns'))),
      ...(mode ? { linkinfo: { info_kind: rest[1], info_data: { mode } } } : {}),
    });
  }

  private remove(link: FakeLink): void {
    for (const child of this.childrenOf(link)) this.remove(child);
    const peer = this.peers.get(link.ifindex);
    this.all = this.all.filter((other) => other !== link && other.ifindex !== peer);
  }

  private childrenOf(link: FakeLink): FakeLink[] {
    return this.all.filter(({ ifindex }) => this.parents.get(ifindex) === link.ifindex);
  }

  private hasIpvlan(parent: FakeLink | undefined): boolean {
    return parent !== undefined && this.childrenOf(parent).some(({ linkinfo }) => linkinfo?.info_kind === 'ipvlan');
  }

  /** As it is seen from its own namespace: the parent by name where that is in the same one, else by its index. */
  private seen(link: FakeLink): IpLink {
    const { netns, ...facts } = link;
    const parent = this.all.find(({ ifindex }) => ifindex === this.parents.get(link.ifindex));
    if (!parent) return facts;
    return parent.netns === netns ? { ...facts, link: parent.ifname } : { ...facts, link_index: parent.ifindex };
  }

  private find(name: string, netns: string): FakeLink | undefined {
    return this.all.find((link) => link.ifname === name && link.netns === netns);
  }

  private need(name: string, netns: string): FakeLink {
    const link = this.find(name, netns);
    if (!link) throw new HeddleError('internal', `ip link: Cannot find device "${name}"`);
    return link;
  }
}

/** What follows `type KIND`, as `ip -d` tells it. */
function infoData(kind: string, words: IpWords): Readonly<Record<string, unknown>> {
  if (kind === 'vlan') return { protocol: '802.1Q', id: Number(valueOf(words, 'id')) };
  return kind === 'macvlan' ? { mode: valueOf(words, 'mode') ?? 'vepa' } : {};
}

/** By the id of the first process, which is in the own one. */
const netns = (name: string | undefined): string | undefined => (name === '1' ? HERE : name);

function nameOf(words: IpWords): string {
  const first = words[0] === 'name' || words[0] === 'dev' ? words[1] : words[0];
  return first ?? '';
}

function valueOf(words: IpWords, key: string): string | undefined {
  const at = words.indexOf(key);
  return at < 0 ? undefined : words[at + 1];
}

function pick(key: string, value: string | undefined): Record<string, string> {
  return value === undefined ? {} : { [key]: value };
}

import { macvlanAdd, type IpWords, type MacvlanMode } from '@heddle/host';
import { UPLINK } from '../../testing/macvlan-driver-harness';
import { TestCable } from '../../testing/test-cable';

const describeRoot = process.getuid?.() === 0 ? describe : describe.skip;
const MODES = ['bridge', 'vepa', 'private'] as const;

interface Child {
  readonly name: string;
  readonly mode: MacvlanMode;
  readonly mac: string;
  readonly address: string;
}
const child = (mode: MacvlanMode, n: number): Child => ({
  name: `${mode}${n}`,
  mode,
  mac: `02:48:0a:4d:00:${n}`,
  address: `10.77.0.${n}`,
});
const SENDERS = MODES.map((mode, i) => child(mode, 11 + i));
const RECEIVERS = MODES.map((mode, i) => child(mode, 21 + i));
const PAIRS = SENDERS.flatMap((from) => RECEIVERS.map((to) => ({ from, to })));

/** What the driver relies on: which siblings reach each other on this kernel, and whether the leaf sees it. */
describeRoot('children of one parent, in the kernel', () => {
  let cable: TestCable;
  const sandboxes = new Map<string, string>();
  const sandboxOf = ({ name }: Child): string => sandboxes.get(name) as string;
  const inEach = (words: (of: Child) => readonly IpWords[]): Promise<unknown> =>
    Promise.all([...SENDERS, ...RECEIVERS].map((of) => cable.ip.batch(words(of), sandboxOf(of))));

  beforeAll(async () => {
    cable = await TestCable.make('10.77.0');
    for (const each of [...SENDERS, ...RECEIVERS]) {
      const { name, mac, mode, address } = each;
      sandboxes.set(name, await cable.container(name));
      await cable.ip.batch([macvlanAdd({ name, parent: UPLINK, mac, mtu: 1400, mode })]);
      await cable.enter(name, sandboxOf(each), address);
    }
  });
  afterAll(() => cable?.end());

  /** The pairs, as `MODE to MODE`, of which the second answers the first. */
  async function reaching(): Promise<string[]> {
    const answered = await Promise.all(PAIRS.map(({ from, to }) => cable.answers(to.address, sandboxOf(from))));
    return PAIRS.filter((_, i) => answered[i]).map(({ from, to }) => `${from.mode} to ${to.mode}`);
  }
  /** With what a sender has to ask of everybody first (ARP), and with only what is sent to the receiver alone. */
  async function reached(): Promise<{ broadcast: string[]; unicast: string[] }> {
    const neighbours = (of: Child, verb: string): IpWords[] =>
      (SENDERS.includes(of) ? RECEIVERS : SENDERS).map((other) => ['neighbour', verb, other.address, 'lladdr', other.mac, 'dev', 'eth0']); // prettier-ignore
    await inEach(() => [['neighbour', 'flush', 'dev', 'eth0']]);
    const broadcast = await reaching();
    await inEach((of) => neighbours(of, 'replace'));
    const unicast = await reaching();
    await inEach((of) => neighbours(of, 'del'));
    return { broadcast, unicast };
  }

  it('reach each other without the leaf only where both are in mode bridge', async () => {
    await cable.hairpin(false);
    expect(await reached()).toEqual({ broadcast: ['bridge to bridge'], unicast: ['bridge to bridge'] });
  });

  it('reach each other by way of a leaf that sends back, in mode private with what is for one alone', async () => {
    await cable.hairpin(true);
    const { broadcast, unicast } = await reached();
    expect(broadcast).toEqual(['bridge to bridge', 'bridge to vepa', 'vepa to bridge', 'vepa to vepa']);
    expect(unicast).toHaveLength(PAIRS.length);
  });

  it('change their mode while they are in use, and lose nothing by it', async () => {
    await cable.hairpin(true);
    const [from, to] = [SENDERS[0] as Child, RECEIVERS[0] as Child];
    const ping = cable.inside(sandboxOf(from), ['busybox', 'ping', '-c', '20', '-i', '0.05', '-W', '1', to.address]);
    for (const mode of ['vepa', 'bridge', 'vepa', 'bridge'])
      await cable.ip.batch([['link', 'set', 'dev', 'eth0', 'type', 'macvlan', 'mode', mode]], sandboxOf(to));
    expect((await ping).stdout).toContain('20 packets received');
  });

  it('are in the filter of their parent while they are up, whatever the parent is', async () => {
    const all = [...SENDERS, ...RECEIVERS].map(({ mac }) => mac);
    const macs = async (): Promise<string[]> => (await cable.ip.filteredMacs(UPLINK)).sort();
    expect(await macs()).toEqual(all);
    await cable.ip.batch([['link', 'set', 'dev', UPLINK, 'down']]);
    expect(await macs()).toEqual(all);
    await cable.ip.batch([['link', 'set', 'dev', UPLINK, 'up']]);
    const [down, back] = SENDERS as [Child, Child];
    await cable.ip.batch([['link', 'set', 'dev', 'eth0', 'down']], sandboxOf(down));
    // Moved back to the host it is not up: only its name tells of it.
    await cable.leave(back.name, sandboxOf(back));
    expect(await macs()).toEqual(all.slice(2));
    expect(await cable.ip.link(back.name)).toMatchObject({ address: back.mac, operstate: 'DOWN', link: UPLINK });
  });
});

import type { Testbed, End } from './testbed';

/** A way between two ends, ready to be measured. */
export interface Rung {
  readonly name: string;
  readonly client: Pick<End, 'netns' | 'address'>;
  readonly server: Pick<End, 'netns' | 'address'>;
  /** Processes that forward what passes. */
  readonly switches: readonly number[];
}

/** Builds a rung. @param id of at most four letters, another for each rung: for the names of namespaces */
export type RungBuilder = (bed: Testbed, id: string) => Promise<Omit<Rung, 'name'>>;

/** Both ends in one namespace. */
export const loopback: RungBuilder = async (bed, id) => {
  const { netns } = await bed.end(id, 1);
  const end = { netns, address: '127.0.0.1' };
  return { client: end, server: end, switches: [] };
};

export const veth: RungBuilder = async (bed, id) => {
  const { client, server } = await ends(bed, id);
  await bed.cable(client, { netns: server.netns, link: SERVER_LINK });
  await bed.raise(server, SERVER_LINK);
  return { client, server, switches: [] };
};
const SERVER_LINK = 'eth1';

export const linuxBridge: RungBuilder = async (bed, id) => {
  const pair = await ends(bed, id);
  const netns = await bed.space(`${id}-switch`);
  await bed.ip.batch([['link', 'add', 'name', 'br0', 'up', 'type', 'bridge']], netns);
  // An engine somewhere on the machine may have frames pass the packet filter; a bridge by itself does not. The setting is
  // not there where nobody has loaded that.
  await bed.sysctl(netns, 'net.bridge.bridge-nf-call-iptables=0').catch(() => undefined);
  for (const role of ROLES) {
    await bed.cable(pair[role], { netns, link: role });
    await bed.ip.batch([['link', 'set', 'dev', role, 'master', 'br0']], netns);
  }
  return { ...pair, switches: [] };
};

/** Two children in mode bridge, as two containers of one EPG on one uplink have them. */
export const macvlan: RungBuilder = async (bed, id) => {
  const pair = await ends(bed, id);
  const netns = await bed.space(`${id}-parent`);
  await bed.ip.batch(
    [
      ['link', 'add', 'name', 'uplink', 'up', 'type', 'veth', 'peer', 'name', 'leaf'],
      ['link', 'set', 'dev', 'leaf', 'up'],
    ],
    netns,
  );
  for (const end of [pair.client, pair.server]) {
    const kind = ['type', 'macvlan', 'mode', 'bridge'];
    const child = ['link', 'add', 'link', 'uplink', 'name', 'child', 'address', end.mac, ...kind];
    await bed.ip.batch([child, ['link', 'set', 'dev', 'child', 'netns', end.netns]], netns);
    await bed.raise(end, 'child');
  }
  return { ...pair, switches: [] };
};

/**
 * The same with frames as long as the MTU, as they are on a cable: within one machine a frame is as long as a segment of 64 kB,
 * and then a stream is a matter of copying, whatever it passes.
 */
export const inFrames =
  (build: RungBuilder): RungBuilder =>
  async (bed, id) => {
    const rung = await build(bed, id);
    for (const { netns } of [rung.client, rung.server]) await bed.oneFrameEach(netns);
    return rung;
  };

/** What the two ends do; also what their cables are called where they end. */
export const ROLES = ['client', 'server'] as const;
export type Role = (typeof ROLES)[number];

/** The two ends of a rung. */
export async function ends(bed: Testbed, id: string): Promise<Record<Role, End>> {
  const [client, server] = await Promise.all([bed.end(`${id}-client`, 1), bed.end(`${id}-server`, 2)]);
  return { client, server };
}

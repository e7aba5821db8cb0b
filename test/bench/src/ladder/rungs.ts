import type { Testbed, End } from './testbed';

/** A way between two ends, ready to be measured. */
export interface Rung {
  readonly name: string;
  readonly client: Pick<End, 'netns' | 'address'>;
  readonly server: Pick<End, 'netns' | 'address'>;
  /** Processes that forward what passes. */
  readonly switches: () => readonly number[];
}

/** Builds a rung. @param id of at most four letters, another for each rung: for the names of namespaces */
export type RungBuilder = (bed: Testbed, id: string) => Promise<Omit<Rung, 'name'>>;

const byTheKernel = (): readonly number[] => [];

/** Both ends in one namespace. */
export const loopback: RungBuilder = async (bed, id) => {
  const { netns } = await bed.end(id, 1);
  const end = { netns, address: '127.0.0.1' };
  return { client: end, server: end, switches: byTheKernel };
};

export const veth: RungBuilder = async (bed, id) => {
  const { client, server } = await ends(bed, id);
  await bed.cable(client, { netns: server.netns, link: SERVER_LINK });
  await bed.raise(server, SERVER_LINK);
  return { client, server, switches: byTheKernel };
};
const SERVER_LINK = 'eth1';

export const linuxBridge: RungBuilder = async (bed, id) => {
  const { client, server } = await ends(bed, id);
  const netns = await bed.space(`${id}-switch`);
  await bed.ip.batch([['link', 'add', 'name', 'br0', 'up', 'type', 'bridge']], netns);
  // An engine somewhere on the machine may have frames pass the packet filter; a bridge by itself does not.
  await bed.sysctl(netns, 'net.bridge.bridge-nf-call-iptables=0').catch(() => undefined);
  for (const [link, end] of [['client', client], ['server', server]] as const) {
    await bed.cable(end, { netns, link });
    await bed.ip.batch([['link', 'set', 'dev', link, 'master', 'br0']], netns);
  }
  return { client, server, switches: byTheKernel };
}; // prettier-ignore

/** Two children in mode bridge, as two containers of one EPG on one uplink have them. */
export const macvlan: RungBuilder = async (bed, id) => {
  const { client, server } = await ends(bed, id);
  const netns = await bed.space(`${id}-parent`);
  await bed.ip.batch(
    [
      ['link', 'add', 'name', 'uplink', 'up', 'type', 'veth', 'peer', 'name', 'leaf'],
      ['link', 'set', 'dev', 'leaf', 'up'],
    ],
    netns,
  );
  for (const end of [client, server]) {
    const child = [
      'link',
      'add',
      'link',
      'uplink',
      'name',
      'child',
      'address',
      end.mac,
      'type',
      'macvlan',
      'mode',
      'bridge',
    ];
    await bed.ip.batch([child, ['link', 'set', 'dev', 'child', 'netns', end.netns]], netns);
    await bed.raise(end, 'child');
  }
  return { client, server, switches: byTheKernel };
};

/** The two ends of a rung. */
export async function ends(bed: Testbed, id: string): Promise<{ client: End; server: End }> {
  const [client, server] = await Promise.all([bed.end(`${id}-client`, 1), bed.end(`${id}-server`, 2)]);
  return { client, server };
}

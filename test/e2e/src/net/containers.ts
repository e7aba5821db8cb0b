import { SystemProcesses, type IpLink } from '@heddle/host';
import type { TestCluster } from '../cluster';
import { containersOn, withEngine, type RunningContainer } from '../containers';
import { GATEWAY_MAC, type Link } from './frames';
import { Station } from './station';
import { Wire } from './wire';

const processes = new SystemProcesses();

/** A running container, with the way into its network namespace. */
export interface Container extends Pick<RunningContainer, 'epg' | 'host' | 'id' | 'pid' | 'address'> {
  readonly mac: string;
  /** File of its network namespace. */
  readonly netns: string;
  /** Index of its interface, in its own namespace. */
  readonly interfaceIndex: number;
}

/** The running containers of an application, sorted by EPG, host and address. */
export async function containersOf(cluster: TestCluster, application: string): Promise<Container[]> {
  const on = await Promise.all(cluster.hostNames.map((host) => containersOn(cluster.host(host))));
  const found = on.flatMap((containers) => [...containers.values()]).filter((c) => c.epg.startsWith(`${application}/`));
  return (await Promise.all(found.map(withInterface))).sort((a, b) => (placeOf(a) < placeOf(b) ? -1 : 1));
}

const placeOf = ({ epg, host, address }: Container): string => `${epg} ${host} ${address}`;

/** A container that a user started, by its id or name. */
export async function containerOf(cluster: TestCluster, host: string, id: string, epg: string): Promise<Container> {
  const { pid, networks } = await withEngine(cluster.host(host), (engine) => engine.inspect(id));
  const address = Object.values(networks)[0]?.ipv4Address;
  if (pid === undefined || address === undefined) throw new Error(`the container ${id} on ${host} does not run`);
  return withInterface({ epg, host, id, pid, address });
}

async function withInterface(container: Omit<Container, 'mac' | 'netns' | 'interfaceIndex'>): Promise<Container> {
  const { epg, host, id, pid, address } = container;
  const netns = `/proc/${pid}/ns/net`;
  const link = (await linksIn(netns)).find((l) => l.ifname !== 'lo');
  if (!link?.address) throw new Error(`the container ${id} of ${epg} on ${host} has no interface`);
  return { epg, host, id, pid, address, netns, mac: link.address, interfaceIndex: link.ifindex };
}

/** Links of a network namespace with their addresses. */
export async function linksIn(netns: string): Promise<IpLink[]> {
  return ipIn<IpLink>(netns, 'address', 'show');
}

/** `ip -j` in a network namespace. */
export async function ipIn<T>(netns: string, ...words: readonly string[]): Promise<T[]> {
  const { stdout } = await processes.run(['nsenter', `--net=${netns}`, '--', 'ip', '-j', '-d', ...words]);
  return stdout.trim() === '' ? [] : (JSON.parse(stdout) as T[]);
}

/** The container of an EPG on a host. */
export function pick(containers: readonly Container[], service: string, host: string): Container {
  const found = containers.find((c) => c.epg.endsWith(`/${service}`) && c.host === host);
  if (!found)
    throw new Error(`no ${service} on ${host} among ${containers.map((c) => `${c.epg}@${c.host}`).join(', ')}`);
  return found;
}

export const wireOf = (container: Container): Promise<Wire> => Wire.open(container.netns, container.interfaceIndex);
export const stationIn = (container: Container): Promise<Station> => Station.in(container.netns);

/** How a container's frames reach its neighbour directly, and through the gateway. */
export const direct = (from: Container, to: Container): Link => ({ from: from.mac, to: to.mac });
export const routed = (from: Container): Link => ({ from: from.mac, to: GATEWAY_MAC });

/** What `docker` says on a host, as its user would see it. */
export async function docker(
  cluster: TestCluster,
  host: string,
  ...args: readonly string[]
): Promise<{ code: number; output: string }> {
  const { docker: engine } = await cluster.host(host).config();
  const { code, stdout, stderr } = await processes.run(['docker', '--host', `unix://${engine.socket}`, ...args], {
    okCodes: [0, 1, 2, 125, 126, 127],
    deadlineMs: 30_000,
  });
  return { code, output: `${stdout}${stderr}`.trim() };
}

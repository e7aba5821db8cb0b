import type { IpCommand } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import { HOST_LINK_INTERFACE } from '../attach/host-link';
import { OvsDriver } from '../attach/ovs/ovs-driver';
import { insideName } from '../attach/ovs/port-names';
import type { PortDatabase } from '../port-database';
import type { AttachmentDriverHarness } from './attachment-driver-contract';

type Failing = 'ensurePort' | 'deletePort';

/** Stands for the internal port of the bridge: only its name counts. */
const HOST_LINK = [
  'link',
  'add',
  'name',
  HOST_LINK_INTERFACE,
  'type',
  'veth',
  'peer',
  'name',
  `${HOST_LINK_INTERFACE}p`,
];

/** The driver of Open vSwitch on a bridge that exists, as its contract wants it; `ip` and `ovs` may be real or fakes. */
export async function ovsDriverHarness(
  ip: IpCommand,
  ovs: PortDatabase,
  bridge: string,
): Promise<AttachmentDriverHarness> {
  if (!(await ip.link(HOST_LINK_INTERFACE))) await ip.batch([HOST_LINK]);
  const problems: string[] = [];
  const { ports, fail } = failingPorts(ovs, bridge);
  const onError = (error: HeddleError): void => void problems.push(error.message);
  const make = (): OvsDriver => new OvsDriver(ip, ports, { bridge, checksumsInSoftware: true, onError });
  const names = async (): Promise<string[]> => [
    ...(await ip.links()).map(({ ifname }) => `link ${ifname}`),
    ...(await ovs.listPorts(bridge)).map(({ name }) => `port ${name}`),
  ];
  const before = new Set(await names());
  return {
    driver: make(),
    problems,
    restarted: make,
    failNext: (method, message) =>
      fail(method === 'attach' ? 'ensurePort' : 'deletePort', new HeddleError('unavailable', message)),
    link: async (name) => {
      const link = await ip.link(name);
      return link && { mac: link.address, mtu: link.mtu };
    },
    loseDevice: ({ endpointId }) => ip.batch([['link', 'del', 'dev', insideName(endpointId)]]),
    hideHost: async () => {
      await ip.batch([['link', 'del', 'dev', HOST_LINK_INTERFACE]]);
      return () => ip.batch([HOST_LINK]);
    },
    added: async () => (await names()).filter((name) => !before.has(name)),
  };
}

/**
 * A port database that makes a port and then says that it could not: there is more to undo than when it makes none. Where there
 * is no port to delete, deleting does not fail.
 */
function failingPorts(
  ovs: PortDatabase,
  bridge: string,
): { ports: PortDatabase; fail: (method: Failing, error: HeddleError) => void } {
  const failures = new Map<Failing, HeddleError>();
  const throwFailure = (method: Failing): void => {
    const failure = failures.get(method);
    failures.delete(method);
    if (failure) throw failure;
  };
  return {
    fail: (method, error) => void failures.set(method, error),
    ports: {
      ensureBridge: (...of) => ovs.ensureBridge(...of),
      listPorts: (...of) => ovs.listPorts(...of),
      watchPorts: (...of) => ovs.watchPorts(...of),
      ensurePort: async (...of) => {
        const port = await ovs.ensurePort(...of);
        throwFailure('ensurePort');
        return port;
      },
      deletePort: async (name, ...of) => {
        const ports = await ovs.listPorts(bridge);
        if (ports.some((port) => port.name === name)) throwFailure('deletePort');
        await ovs.deletePort(name, ...of);
      },
    },
  };
}

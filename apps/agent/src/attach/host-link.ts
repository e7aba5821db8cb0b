import type { IpCommand } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import type { OvsDatabase } from '@heddle/ovs';
import { HOST_LINK_ADDRESS, LINK_NETWORK } from '@heddle/pipeline';

/** The host's end of the link to its endpoints: an internal port of the bridge. */
export const HOST_LINK_INTERFACE = 'heddle0';

/** Names this port in `external_ids`, so that the agent finds it among the others. */
export const HOST_LINK_ID = { 'heddle-host-link': 'true' } as const;

export interface BridgeOptions {
  readonly bridge: string;
  readonly datapathType: 'netdev' | 'system';
}

/** Makes the bridge: in secure mode, so that it forwards nothing that no flow allows. */
export async function ensureBridge(ovs: OvsDatabase, { bridge, datapathType }: BridgeOptions): Promise<void> {
  await ovs.ensureBridge({
    name: bridge,
    datapathType,
    failMode: 'secure',
    protocols: ['OpenFlow14'],
    externalIds: { 'heddle-bridge': 'true' },
  });
}

/** Makes the host link and gives it its address and the route to the endpoints' link addresses. Idempotent. */
export async function ensureHostLink(
  ovs: OvsDatabase,
  ip: IpCommand,
  bridge: string,
): Promise<{ interface: string; mac: string }> {
  await ovs.ensurePort({ bridge, name: HOST_LINK_INTERFACE, type: 'internal', externalIds: HOST_LINK_ID });
  await ip.batch([
    ['address', 'replace', `${HOST_LINK_ADDRESS}/32`, 'dev', HOST_LINK_INTERFACE],
    ['link', 'set', 'dev', HOST_LINK_INTERFACE, 'up'],
    ['route', 'replace', LINK_NETWORK, 'dev', HOST_LINK_INTERFACE, 'src', HOST_LINK_ADDRESS],
  ]);
  const mac = (await ip.link(HOST_LINK_INTERFACE))?.address;
  if (mac === undefined)
    throw new HeddleError('unavailable', `the interface ${HOST_LINK_INTERFACE} is gone right after it was made`);
  return { interface: HOST_LINK_INTERFACE, mac };
}

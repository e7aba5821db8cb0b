import { networkInterfaces } from 'node:os';
import { systemClock, type Clock, type IpCommand } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import { HOST_LINK_ADDRESS, LINK_NETWORK } from '@heddle/pipeline';
import type { PortDatabase } from '../port-database';

/** The host's end of the link to its endpoints: an internal port of the bridge. */
export const HOST_LINK_INTERFACE = 'heddle0';

/** Names this port in `external_ids`, so that the agent finds it among the others. */
export const HOST_LINK_ID = { 'heddle-host-link': 'true' } as const;

/** A restarted vswitchd makes a new interface, without an address. */
const CHECK_MS = 2_000;

export interface BridgeOptions {
  readonly bridge: string;
  readonly datapathType: 'netdev' | 'system';
}

/** Makes the bridge: in secure mode, so that it forwards nothing that no flow allows. */
export async function ensureBridge(ovs: PortDatabase, { bridge, datapathType }: BridgeOptions): Promise<void> {
  await ovs.ensureBridge({
    name: bridge,
    datapathType,
    failMode: 'secure',
    protocols: ['OpenFlow14'],
    externalIds: { 'heddle-bridge': 'true' },
  });
}

/** Makes the host link and gives it its address and the route to the endpoints' link addresses. Idempotent. */
export async function ensureHostLink(ovs: PortDatabase, ip: IpCommand, bridge: string): Promise<void> {
  await ovs.ensurePort({ bridge, name: HOST_LINK_INTERFACE, type: 'internal', externalIds: HOST_LINK_ID });
  await ip.batch([
    ['address', 'replace', `${HOST_LINK_ADDRESS}/32`, 'dev', HOST_LINK_INTERFACE],
    ['link', 'set', 'dev', HOST_LINK_INTERFACE, 'up'],
    ['route', 'replace', LINK_NETWORK, 'dev', HOST_LINK_INTERFACE, 'src', HOST_LINK_ADDRESS],
  ]);
}

/** Whether the interface is there, up and has its address; asks the kernel without starting a program. */
const hasAddress = (): boolean =>
  (networkInterfaces()[HOST_LINK_INTERFACE] ?? []).some(({ address }) => address === HOST_LINK_ADDRESS);

export interface HostLinkOptions {
  /** Makes it as it should be. */
  readonly ensure: () => Promise<void>;
  readonly onError: (error: HeddleError) => void;
  readonly inOrder?: () => boolean;
  readonly clock?: Pick<Clock, 'every'>;
}

/** Looks at the host link from time to time, and makes it anew when it is not as it should be. Returns what ends that. */
export function keepHostLink(options: HostLinkOptions): () => void {
  const { ensure, onError, inOrder = hasAddress, clock = systemClock } = options;
  let under = false;
  const timer = clock.every(CHECK_MS, () => {
    if (under || inOrder()) return;
    under = true;
    ensure()
      .catch((error: unknown) => onError(HeddleError.from(error)))
      .finally(() => (under = false));
  });
  return () => timer.cancel();
}

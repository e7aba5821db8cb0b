import type { NodeConfig } from '../config';
import type { PortDatabase } from '../port-database';
import { TUNNEL_ID } from './local-endpoints';

const TUNNEL_PORT = 'heddle-vxlan';

/**
 * Makes the port that VXLAN tunnels end at, where they do, and takes it away where they do no more: in user space a switch
 * cannot have tunnels and TSO both.
 */
export async function ensureTunnel(
  ovs: PortDatabase,
  { ovs: { bridge }, tunnels, underlay }: Pick<NodeConfig, 'ovs' | 'tunnels' | 'underlay'>,
): Promise<void> {
  if (!tunnels) return ovs.deletePort(TUNNEL_PORT);
  await ovs.ensurePort({
    bridge,
    name: TUNNEL_PORT,
    type: 'vxlan',
    options: { remote_ip: 'flow', key: 'flow', local_ip: underlay.address },
    externalIds: TUNNEL_ID,
  });
}

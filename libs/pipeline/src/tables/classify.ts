import { mac } from '../addresses';
import { dropCookie, objectCookie } from '../cookie';
import type { PlacedLocal } from '../index-endpoints';
import type { Action, Flow } from '../openflow/flow';
import { load, setFlags } from '../registers';
import { ctHostLink } from './host-link';
import { ARP, flow, goto, IP, otherwiseDrop, POP_VLAN, tagged, UNTAGGED } from './shared';

/** A port that is the bridge's own is never an endpoint's, whatever a snapshot says of both. */
const OWN_PORT = 200;

/**
 * Loads class, bridge domain and VRF of a local endpoint, never by an address that it could choose freely: by its port where
 * that is its own, else by port and VLAN, or by port and MAC where several share it untagged.
 */
export function classifyLocal(e: PlacedLocal): Flow {
  const at = { in_port: BigInt(e.port) };
  if (!e.wire) return flow('classify', 100, at, [...loadClass(e), ...loadUplink(e), goto('spoof-guard')], e.cookie);
  const { vlan } = e.wire;
  if (vlan === undefined) {
    return flow(
      'classify',
      110,
      { ...at, ...UNTAGGED, eth_src: mac(e.mac) },
      [...loadClass(e), goto('spoof-guard')],
      e.cookie,
    );
  }
  // Endpoints of one EPG behind one port share this flow, so it has the cookie of the EPG.
  return flow(
    'classify',
    110,
    { ...at, ...tagged(vlan) },
    [POP_VLAN, load('arrivalVlan', vlan), ...loadClass(e), goto('spoof-guard')],
    objectCookie(`class/${e.epg}`),
  );
}

const loadClass = (e: PlacedLocal): Action[] => [
  load('sourceClass', e.class.classId),
  load('bridgeDomain', e.class.bridgeDomain),
  load('vrf', e.class.vrf),
];

const loadUplink = ({ uplink }: PlacedLocal): Action[] =>
  uplink ? [load('uplinkPort', uplink.port), load('uplinkVlan', uplink.vlan), setFlags('hasUplink')] : [];

/**
 * What else comes in at a shared port: frames in a VLAN that nobody has there, or with none where all have one, end here. A
 * MAC that nobody has there goes on without a class, which no guard admits; if it claims an address of the bridge domain
 * that the untagged endpoints of the port are in, that is found out.
 */
export function classifyStrangers(port: number, behind: readonly PlacedLocal[]): Flow[] {
  const at = { in_port: BigInt(port) };
  const untagged = behind.filter((e) => e.wire?.vlan === undefined);
  const [domain, ...others] = new Set(untagged.map((e) => e.class.bridgeDomain));
  return [
    flow('classify', 50, at, [], dropCookie('unknown-vlan')),
    ...(domain === undefined
      ? []
      : [
          flow('classify', 60, { ...at, ...UNTAGGED }, [
            ...(others.length === 0 ? [load('bridgeDomain', domain)] : []),
            goto('spoof-guard'),
          ]),
        ]),
  ];
}

export const classifyTunnel = (port: number): Flow =>
  flow('classify', OWN_PORT, { in_port: BigInt(port) }, [goto('tunnel-guard')]);

export const classifyUplink = (port: number): Flow =>
  flow('classify', OWN_PORT, { in_port: BigInt(port) }, [goto('fabric-guard')]);

export const classifyHostLink = (port: number): Flow[] => [
  flow('classify', OWN_PORT, { in_port: BigInt(port), ...ARP }, [goto('arp-responder')]),
  flow('classify', OWN_PORT, { in_port: BigInt(port), ...IP }, [ctHostLink]),
];

export const classifyFixed: readonly Flow[] = [otherwiseDrop('classify', 'unknown-port')];

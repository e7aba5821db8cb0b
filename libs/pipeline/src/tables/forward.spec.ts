import { GATEWAY_MAC, ip4, mac } from '../addresses';
import { computeFlows } from '../compute';
import type { DatapathSnapshot } from '../snapshot';
import {
  ACCESS, CABLE, FAR_UNDERLAY, HOST, HOST_LINK, LEAF, SERVER, TUNNEL, UPLINK, VLANS,
  macOf, packet, remote, wired,
} from '../testing/fabric'; // prettier-ignore
import { simulate } from '../testing/simulate';

const host = computeFlows(HOST);
const leaf = computeFlows(LEAF);
const TO_GATEWAY = { eth_dst: mac(GATEWAY_MAC) };
const FROM_GATEWAY = { eth_src: mac(GATEWAY_MAC) };
const sent = (flows: typeof host, inPort: number, vlans: readonly number[], fields: ReturnType<typeof packet>) =>
  simulate(flows, { inPort, vlans, fields });
const tunnelled = (from: string, to: string, source: bigint, underlay = FAR_UNDERLAY) =>
  packet(from, to, { tun_src: ip4(underlay), tun_id: source });

describe('forward at a host', () => {
  it('goes by the fabric where both are on it, in the VLAN of the source, routed here', () => {
    expect(sent(host, 11, [], packet('10.7.0.11', '10.8.0.42', TO_GATEWAY)).outputs).toMatchObject([
      { port: UPLINK, vlans: [VLANS.web], fields: { eth_src: mac(GATEWAY_MAC), eth_dst: mac(macOf('10.8.0.42')), nw_ttl: 63n } },
    ]); // prettier-ignore
    expect(sent(host, 11, [], packet('10.7.0.11', '10.7.0.41')).outputs).toMatchObject([
      { port: UPLINK, vlans: [VLANS.web], fields: { eth_src: mac(macOf('10.7.0.11')), nw_ttl: 64n } },
    ]);
    expect(sent(host, 13, [], packet('10.8.0.13', '10.8.0.42')).outputs).toMatchObject([
      { port: UPLINK, vlans: [VLANS.db] },
    ]);
  });

  it('goes by the tunnel where one of them is not', () => {
    for (const [inPort, from, to] of [[11, '10.7.0.11', '10.8.0.51'], [14, '10.8.0.14', '10.8.0.51'], [14, '10.8.0.14', '10.7.0.41']] as const) {
      const { outputs } = sent(host, inPort, [], packet(from, to, TO_GATEWAY));
      expect(outputs).toMatchObject([{ port: TUNNEL, vlans: [], fields: { tun_id: from === '10.7.0.11' ? 16n : 17n } }]);
    }
  }); // prettier-ignore

  it('goes by the fabric to everybody where no tunnel ends, from those who have an uplink', () => {
    const flows = computeFlows({ ...HOST, ports: {} });
    expect(sent(flows, 11, [], packet('10.7.0.11', '10.8.0.51', TO_GATEWAY)).outputs).toMatchObject([
      { port: UPLINK, vlans: [VLANS.web] },
    ]);
    expect(sent(flows, 14, [], packet('10.8.0.14', '10.8.0.51')).reason).toBe('no-destination');
  });

  it('reaches by the fabric also who is behind no tunnel over IPv4', () => {
    const six: DatapathSnapshot = { ...HOST, remote: [remote('db', '10.8.0.42', 'fd00::9', true)] };
    const flows = computeFlows(six);
    expect(sent(flows, 11, [], packet('10.7.0.11', '10.8.0.42', TO_GATEWAY)).outputs).toMatchObject([{ port: UPLINK }]);
    expect(sent(flows, 14, [], packet('10.8.0.14', '10.8.0.42')).reason).toBe('no-destination');
  });

  it('keeps between two of its own what is between them', () => {
    expect(sent(host, 11, [], packet('10.7.0.11', '10.8.0.13', TO_GATEWAY)).outputs).toMatchObject([
      { port: 13, vlans: [], fields: { nw_ttl: 63n } },
    ]);
  });

  it('never sends on what came out of a tunnel or from the fabric', () => {
    for (const to of ['10.8.0.42', '10.7.0.41', '10.8.0.51'])
      for (const dst of [mac(macOf(to)), mac(GATEWAY_MAC)]) {
        const tunnel = { ...tunnelled('10.8.0.51', to, 17n), eth_dst: dst };
        expect(sent(host, TUNNEL, [], tunnel)).toMatchObject({ outputs: [], reason: 'no-destination' });
        const fabric = packet('10.8.0.42', to, { ...FROM_GATEWAY, eth_dst: dst });
        for (const vlan of [VLANS.web, VLANS.db])
          expect(sent(host, UPLINK, [vlan], fabric)).toMatchObject({ outputs: [], reason: 'no-destination' });
      }
  });

  it('gives nobody a link to the host but its own endpoints', () => {
    const health = { eth_type: 0x0800n, ip_src: ip4('169.254.1.1'), ip_dst: ip4('169.254.64.4'), ip_proto: 6n, tcp_dst: 8080n };
    expect(sent(host, HOST_LINK, [], health).outputs).toMatchObject([{ port: 14, fields: { ip_dst: ip4('10.8.0.14') } }]);
    const atLeaf = computeFlows({ ...LEAF, ports: HOST.ports, local: [...LEAF.local, { ...wired('db', '10.8.0.77', 50), linkIndex: 4, healthPorts: [8080] }] });
    expect(sent(atLeaf, HOST_LINK, [], health).outputs).toEqual([]);
    expect(sent(atLeaf, 50, [], packet('10.8.0.77', '169.254.1.1', TO_GATEWAY)).reason).toBe('host-link-refused');
  }); // prettier-ignore
});

describe('forward at a leaf', () => {
  it('delivers in the VLAN of the destination what a host has routed, and routes nothing twice', () => {
    const { outputs } = sent(leaf, CABLE, [VLANS.web], packet('10.7.0.11', '10.8.0.42', { ...FROM_GATEWAY, nw_ttl: 63n })); // prettier-ignore
    expect(outputs).toMatchObject([{ port: SERVER, vlans: [VLANS.db], fields: { reg0: 16n, reg2: 18n, nw_ttl: 63n } }]);
  });

  it('routes for those who do not', () => {
    const { outputs } = sent(leaf, SERVER, [VLANS.db], packet('10.8.0.42', '10.7.0.11', TO_GATEWAY));
    expect(outputs).toMatchObject([
      { port: CABLE, vlans: [VLANS.web], fields: { eth_src: mac(GATEWAY_MAC), eth_dst: mac(macOf('10.7.0.11')), nw_ttl: 63n } },
    ]); // prettier-ignore
  });

  it('does not let an endpoint leave its bridge domain around the gateway', () => {
    expect(sent(leaf, SERVER, [VLANS.db], packet('10.8.0.42', '10.7.0.41')).reason).toBe('no-destination');
    expect(sent(leaf, ACCESS, [], packet('10.7.0.41', '10.8.0.42')).reason).toBe('no-destination');
  });

  it('stays within the VRF', () => {
    expect(sent(leaf, CABLE, [VLANS.web], packet('10.7.0.11', '10.7.0.11', FROM_GATEWAY)).outputs).toEqual([]);
    expect(sent(leaf, SERVER, [VLANS.other], packet('10.7.0.11', '10.8.0.42', TO_GATEWAY)).reason).toBe('no-destination'); // prettier-ignore
  });

  it('reaches by the tunnel who is elsewhere, for those behind cables as for all', () => {
    const routed = packet('10.7.0.11', '10.8.0.51', FROM_GATEWAY);
    expect(sent(leaf, CABLE, [VLANS.web], routed).outputs).toMatchObject([
      { port: TUNNEL, vlans: [], fields: { tun_id: 16n, tun_dst: ip4(FAR_UNDERLAY), nw_ttl: 64n } },
    ]);
    expect(sent(leaf, ACCESS, [], packet('10.7.0.41', '10.8.0.51', TO_GATEWAY)).outputs).toMatchObject([
      { port: TUNNEL, fields: { tun_id: 16n, nw_ttl: 63n } },
    ]);
  });

  it('delivers what comes out of the tunnel to its ports only', () => {
    expect(sent(leaf, TUNNEL, [], tunnelled('10.8.0.51', '10.7.0.11', 17n)).outputs).toMatchObject([
      { port: CABLE, vlans: [VLANS.web], fields: { reg0: 17n } },
    ]);
    expect(sent(leaf, TUNNEL, [], tunnelled('10.8.0.51', '10.8.0.51', 17n)).reason).toBe('no-destination');
  });
});

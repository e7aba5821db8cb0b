import { GATEWAY_MAC, ip4, mac } from '../addresses';
import { computeFlows } from '../compute';
import { tableNumber } from '../tables';
import { ACCESS, CABLE, HOST, LEAF, PRIVATE, SERVER, VLANS, arpRequest, macOf, packet, wired } from '../testing/fabric';
import { simulate } from '../testing/simulate';

const leaf = computeFlows(LEAF);
const TO_GATEWAY = { eth_dst: mac(GATEWAY_MAC) };

describe('output', () => {
  it('goes back out of the port it came in at only between those who may', () => {
    expect(simulate(leaf, { inPort: ACCESS, fields: packet('10.7.0.41', '10.8.0.43', TO_GATEWAY) }).outputs).toMatchObject([
      { port: ACCESS, vlans: [], fields: { eth_dst: mac(macOf('10.8.0.43')), nw_ttl: 63n } },
    ]); // prettier-ignore
    expect(simulate(leaf, { inPort: PRIVATE, fields: packet('10.7.0.61', '10.7.0.62') })).toMatchObject({
      outputs: [],
      reason: 'hairpin-refused',
    });
    const toOther = packet('10.7.0.12', '10.8.0.13', { eth_src: mac(GATEWAY_MAC) });
    expect(simulate(leaf, { inPort: CABLE, vlans: [VLANS.web], fields: toOther })).toMatchObject({
      outputs: [],
      reason: 'hairpin-refused',
    });
  });

  it('tags anew what goes back in another VLAN', () => {
    const both = [
      wired('web', '10.7.0.71', 50, { vlan: VLANS.web, hairpin: true }),
      wired('db', '10.8.0.72', 50, { vlan: VLANS.db, hairpin: true }),
    ];
    const flows = computeFlows({ ...LEAF, local: both });
    const frame = { inPort: 50, vlans: [VLANS.web], fields: packet('10.7.0.71', '10.8.0.72', TO_GATEWAY) };
    expect(simulate(flows, frame).outputs).toMatchObject([{ port: 50, vlans: [VLANS.db] }]);
  });

  it('gives nothing back to an endpoint that speaks to itself', () => {
    const host = computeFlows(HOST);
    expect(simulate(host, { inPort: 11, fields: packet('10.7.0.11', '10.7.0.11') }).reason).toBe('hairpin-refused');
  });

  it('has one flow for each endpoint, whose counters are what it received', () => {
    const frames = [
      { inPort: SERVER, vlans: [VLANS.db], fields: packet('10.8.0.42', '10.7.0.41', TO_GATEWAY) },
      { inPort: ACCESS, fields: packet('10.8.0.43', '10.7.0.41', TO_GATEWAY) },
    ];
    const last = frames.map((frame) => simulate(leaf, frame).met.at(-1));
    expect(last.map((f) => f?.table)).toEqual([tableNumber('output'), tableNumber('output')]);
    expect(new Set(last.map((f) => f?.cookie)).size).toBe(1);
  });
});

describe('reply', () => {
  it('answers ARP in the VLAN in which the question came, and untagged where it had none', () => {
    expect(simulate(leaf, { inPort: SERVER, vlans: [VLANS.db], fields: arpRequest('10.8.0.42', '10.8.0.1') }).outputs).toMatchObject([
      { port: SERVER, vlans: [VLANS.db], fields: { arp_op: 2n, arp_sha: mac(GATEWAY_MAC), arp_spa: ip4('10.8.0.1'), arp_tpa: ip4('10.8.0.42') } },
    ]);
    expect(simulate(leaf, { inPort: ACCESS, fields: arpRequest('10.7.0.41', '10.7.0.11') }).outputs).toMatchObject([
      { port: ACCESS, vlans: [], fields: { arp_op: 2n, arp_sha: mac(macOf('10.7.0.11')) } },
    ]);
    // A gateway with the same address in another VRF, behind the same port.
    expect(simulate(leaf, { inPort: SERVER, vlans: [VLANS.other], fields: arpRequest('10.7.0.11', '10.7.0.1') }).outputs).toMatchObject([
      { port: SERVER, vlans: [VLANS.other], fields: { arp_sha: mac(GATEWAY_MAC) } },
    ]);
  }); // prettier-ignore

  it('answers a ping of the gateway there as well', () => {
    const ping = packet('10.8.0.42', '10.8.0.1', { ...TO_GATEWAY, ip_proto: 1n, icmp_type: 8n });
    expect(simulate(leaf, { inPort: SERVER, vlans: [VLANS.db], fields: ping }).outputs).toMatchObject([
      { port: SERVER, vlans: [VLANS.db], fields: { icmp_type: 0n, ip_src: ip4('10.8.0.1'), eth_dst: mac(macOf('10.8.0.42')) } },
    ]); // prettier-ignore
  });
});

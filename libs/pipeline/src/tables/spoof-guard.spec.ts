import { GATEWAY_MAC, mac } from '../addresses';
import { computeFlows } from '../compute';
import {
  ACCESS,
  CABLE,
  HOST,
  LEAF,
  PRIVATE,
  SERVER,
  VLANS,
  arpRequest,
  macOf,
  packet,
  remote,
} from '../testing/fabric';
import { simulate, type TestFrame } from '../testing/simulate';

const host = computeFlows(HOST);
const leaf = computeFlows(LEAF);
const GATEWAY = { eth_src: mac(GATEWAY_MAC) };

describe('spoof-guard', () => {
  it.each<[string, TestFrame]>([
    ['another MAC', { inPort: SERVER, vlans: [VLANS.db], fields: packet('10.8.0.42', '10.8.0.13', { eth_src: 0x02_0000_0000_99n }) }],
    ['another address', { inPort: SERVER, vlans: [VLANS.db], fields: packet('10.8.0.99', '10.8.0.13', { eth_src: mac(macOf('10.8.0.42')) }) }],
    ['an address of its EPG that is behind another port', { inPort: SERVER, vlans: [VLANS.db], fields: packet('10.8.0.13', '10.8.0.42') }],
    ['the address and MAC of a neighbour on its port', { inPort: ACCESS, fields: packet('10.8.0.43', '10.7.0.61', { eth_src: mac(macOf('10.7.0.41')) }) }],
    ['the gateway\'s MAC, not being a switch', { inPort: SERVER, vlans: [VLANS.db], fields: packet('10.8.0.42', '10.8.0.13', GATEWAY) }],
    ['the address of another EPG of its cable', { inPort: CABLE, vlans: [VLANS.web], fields: packet('10.8.0.13', '10.8.0.42', GATEWAY) }],
    ['the address that it has in another VRF', { inPort: SERVER, vlans: [VLANS.other], fields: packet('10.8.0.42', '10.8.0.13') }],
    ['IPv6', { inPort: SERVER, vlans: [VLANS.db], fields: { eth_type: 0x86ddn, eth_src: mac(macOf('10.8.0.42')) } }],
    ['a tag, at a port of its own', { inPort: 11, vlans: [VLANS.web], fields: packet('10.7.0.11', '10.7.0.12') }],
  ])('ends what has %s', (_, frame) => {
    const flows = frame.inPort === 11 ? host : leaf;
    expect(simulate(flows, frame)).toMatchObject({ path: ['classify', 'spoof-guard'], outputs: [], reason: 'spoofed-source' });
  }); // prettier-ignore

  it('takes the gateway for a source behind a cable to a switch that routes', () => {
    const routed = packet('10.7.0.11', '10.8.0.42', GATEWAY);
    expect(simulate(leaf, { inPort: CABLE, vlans: [VLANS.web], fields: routed }).outputs).toMatchObject([
      { port: SERVER },
    ]);
  });

  it('tells two apart that have one address in two VRFs behind one leaf', () => {
    const fields = packet('10.7.0.11', '10.7.0.12');
    expect(simulate(leaf, { inPort: SERVER, vlans: [VLANS.other], fields })).toMatchObject({
      outputs: [],
      reason: 'no-destination',
    });
    expect(simulate(leaf, { inPort: SERVER, vlans: [VLANS.db], fields }).reason).toBe('spoofed-source');
  });
});

describe('addresses at the wrong place', () => {
  const flows = computeFlows({ ...LEAF, sightings: true });
  const seen = (frame: TestFrame) => {
    const { outputs, reason, shown } = simulate(flows, frame);
    expect(outputs).toEqual([]);
    return { reason, shown };
  };
  const FOUND = { reason: 'address-elsewhere', shown: true };
  const NOT_FOUND = { reason: 'spoofed-source', shown: false };
  const stranger = { eth_src: 0x02_0000_0000_99n, arp_sha: 0x02_0000_0000_99n };

  it.each<[string, TestFrame, object]>([
    ['an address of an endpoint behind another port', { inPort: SERVER, vlans: [VLANS.db], fields: arpRequest('10.8.0.13', '10.8.0.1') }, FOUND],
    ['an address of an endpoint elsewhere', { inPort: SERVER, vlans: [VLANS.db], fields: arpRequest('10.8.0.51', '10.8.0.1') }, FOUND],
    ['its neighbour\'s address with its own MAC', { inPort: PRIVATE, fields: arpRequest('10.7.0.62', '10.7.0.1', { eth_src: mac(macOf('10.7.0.61')) }) }, FOUND],
    ['a known address, from a MAC that is new at an untagged port', { inPort: PRIVATE, fields: arpRequest('10.7.0.11', '10.7.0.1', stranger) }, FOUND],
    ['a known MAC behind another port, with an address of its own', { inPort: SERVER, vlans: [VLANS.db], fields: arpRequest('10.8.0.99', '10.8.0.1', { eth_src: mac(macOf('10.8.0.13')) }) }, FOUND],
    ['an address that nobody has', { inPort: SERVER, vlans: [VLANS.db], fields: arpRequest('10.8.0.99', '10.8.0.1', stranger) }, NOT_FOUND],
    ['an address that nobody has, from its own place', { inPort: SERVER, vlans: [VLANS.db], fields: arpRequest('10.8.0.99', '10.8.0.1', { eth_src: mac(macOf('10.8.0.42')) }) }, NOT_FOUND],
    ['no address yet, from its own place', { inPort: SERVER, vlans: [VLANS.db], fields: arpRequest('0.0.0.0', '10.8.0.42', { eth_src: mac(macOf('10.8.0.42')) }) }, NOT_FOUND],
    ['an address of another bridge domain', { inPort: SERVER, vlans: [VLANS.db], fields: arpRequest('10.7.0.41', '10.8.0.1', stranger) }, NOT_FOUND],
    ['a known address, where the bridge domain cannot be told', { inPort: ACCESS, fields: arpRequest('10.7.0.11', '10.7.0.1', stranger) }, NOT_FOUND],
    ['a known address, inside a tag of its own', { inPort: SERVER, vlans: [VLANS.db, VLANS.db], fields: arpRequest('10.8.0.13', '10.8.0.1') }, NOT_FOUND],
  ])('somebody claims %s', (_, frame, expected) => {
    expect(seen(frame)).toEqual(expected);
  }); // prettier-ignore

  it('are not found in what an endpoint says of itself', () => {
    const { path, outputs } = simulate(flows, { inPort: SERVER, vlans: [VLANS.db], fields: arpRequest('10.8.0.42', '10.8.0.13') }); // prettier-ignore
    expect(path).toEqual(['classify', 'spoof-guard', 'arp-responder', 'reply']);
    expect(outputs).toHaveLength(1);
  });

  it('are counted, and shown to nobody, where the switch has no meter', () => {
    const outcome = simulate(leaf, { inPort: SERVER, vlans: [VLANS.db], fields: arpRequest('10.8.0.13', '10.8.0.1') });
    expect(outcome).toMatchObject({ shown: false, reason: 'address-elsewhere' });
  });

  it('cost nothing in bridge domains that have no endpoint here', () => {
    const there = (count: number) =>
      computeFlows({
        ...LEAF,
        local: LEAF.local.filter((e) => e.epg.endsWith('/web')),
        remote: [remote('web', '10.7.0.80', '192.0.2.12'), remote('api', '10.8.0.80', '192.0.2.12')].slice(0, count),
      }).filter((f) => f.match.arp_spa !== undefined).length;
    expect(there(1) - there(0)).toBe(1);
    expect(there(2) - there(1)).toBe(0);
  });
});

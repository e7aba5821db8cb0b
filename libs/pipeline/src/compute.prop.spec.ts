import fc from 'fast-check';
import { GATEWAY_MAC, ip4, mac } from './addresses';
import { computeFlows } from './compute';
import { placeEndpoints, type PlacedEndpoint, type PlacedEndpoints } from './index-endpoints';
import { flowKey } from './openflow/canonical';
import type { DatapathSnapshot, LocalEndpoint, RemoteEndpoint, Wire } from './snapshot';
import { CLASSES, RESOLVED, epgPath, macOf, type EpgName } from './testing/fabric';
import { simulate, type Outcome, type TestFrame } from './testing/simulate';

/**
 * Random bridges, with everything that can be at one at once and much of it in conflict: few ports, VLANs, addresses and
 * MACs, so that two often claim the same. And random frames at them.
 */
const TUNNEL = 1;
const UPLINKS = [2, 3] as const;
const PORTS = [11, 12, 13] as const;
const VLANS = [101, 102] as const;
const ADDRESSES = ['10.7.0.11', '10.7.0.12', '10.8.0.13', '10.8.0.14'] as const;
const MACS = [...ADDRESSES.map(macOf), '02:00:00:00:00:99'];
const PEERS = ['192.0.2.12', '192.0.2.13'] as const;
const EPGS = Object.keys(CLASSES) as EpgName[];

const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 2 });
const vlan = fc.constantFrom(...VLANS);
const wire: fc.Arbitrary<Wire> = fc.record({ vlan: optional(vlan), routed: fc.boolean(), hairpin: fc.boolean() });
const endpoint = {
  epg: fc.constantFrom(...EPGS, 'web' as const, 'db' as const).map(epgPath),
  mac: fc.constantFrom(...MACS),
  addresses: fc.uniqueArray(fc.constantFrom(...ADDRESSES), { minLength: 1, maxLength: 2 }),
};
const local: fc.Arbitrary<LocalEndpoint> = fc.record({
  ...endpoint,
  id: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'),
  port: fc.constantFrom(...PORTS),
  wire: optional(wire),
  uplink: optional(fc.record({ port: fc.constantFrom(...UPLINKS), vlan })),
  linkIndex: optional(fc.integer({ min: 1, max: 9 })),
  healthPorts: fc.constant([]),
});
const remote: fc.Arbitrary<RemoteEndpoint> = fc.record({
  ...endpoint,
  addresses: fc.uniqueArray(fc.constantFrom(...ADDRESSES, '10.8.0.21', '10.8.0.22'), { minLength: 1, maxLength: 2 }),
  id: fc.constantFrom('p', 'q', 'r', 's'),
  underlay: fc.constantFrom(...PEERS),
  fabric: fc.boolean(),
});
const byId = { selector: (e: { id: string }) => e.id };
const snapshot: fc.Arbitrary<DatapathSnapshot> = fc.record({
  resolved: fc.constant(RESOLVED),
  local: fc.uniqueArray(local, { ...byId, minLength: 1, maxLength: 6 }),
  remote: fc.uniqueArray(remote, { ...byId, minLength: 1, maxLength: 4 }),
  ports: fc.record({ tunnel: optional(fc.constant(TUNNEL)) }),
  sightings: fc.boolean(),
});

const anyMac = fc.constantFrom(...MACS, GATEWAY_MAC).map(mac);
const anyAddress = fc.constantFrom(...ADDRESSES, '10.8.0.21', '10.7.0.1', '10.8.0.1', '169.254.1.1').map(ip4);
const frame: fc.Arbitrary<TestFrame> = fc
  .record({
    inPort: fc.constantFrom(TUNNEL, ...UPLINKS, ...PORTS),
    vlans: fc.array(fc.constantFrom(0, ...VLANS), { maxLength: 2 }),
    ip: fc.boolean(),
    source: anyMac,
    destination: anyMac,
    from: anyAddress,
    to: anyAddress,
    peer: fc.constantFrom(...PEERS).map(ip4),
    key: fc.constantFrom(...Object.values(CLASSES)).map(BigInt),
  })
  .map(({ inPort, vlans, ip, source, destination, from, to, peer, key }) => ({
    inPort,
    vlans,
    fields: {
      eth_src: source,
      eth_dst: destination,
      ...(ip
        ? { eth_type: 0x0800n, ip_src: from, ip_dst: to, ip_proto: 1n, icmp_type: 8n, nw_ttl: 64n }
        : { eth_type: 0x0806n, arp_op: 1n, arp_sha: source, arp_spa: from, arp_tpa: to }),
      ...(inPort === TUNNEL ? { tun_src: peer, tun_id: key } : {}),
    },
  }));

/** A frame that one endpoint of a snapshot might send to another, as numbers that pick from what there is. */
const aim = fc.record({
  sender: fc.nat(20), target: fc.nat(20), gateway: fc.boolean(), arp: fc.nat(3).map((n) => n === 0), fabric: fc.boolean(),
}); // prettier-ignore

type Aim = typeof aim extends fc.Arbitrary<infer A> ? A : never;
const CLASS_OF = new Map(EPGS.map((epg) => [epgPath(epg), BigInt(CLASSES[epg])]));

function aimed(s: DatapathSnapshot, { sender, target, gateway, arp, fabric }: Aim): TestFrame {
  const everybody = [...s.local, ...s.remote];
  const from = everybody[sender % everybody.length] as LocalEndpoint | RemoteEndpoint;
  const to = everybody[target % everybody.length] as LocalEndpoint | RemoteEndpoint;
  const [source = '', destination = ''] = [from.addresses[0], to.addresses[0]];
  const addresses = arp
    ? { eth_type: 0x0806n, arp_op: 1n, arp_sha: mac(from.mac), arp_spa: ip4(source), arp_tpa: ip4(destination) }
    : { eth_type: 0x0800n, ip_src: ip4(source), ip_dst: ip4(destination), nw_ttl: 64n };
  const fields = { eth_src: mac(from.mac), eth_dst: mac(gateway ? GATEWAY_MAC : to.mac), ...addresses };
  if (!('underlay' in from)) return { inPort: from.port, vlans: from.wire?.vlan ? [from.wire.vlan] : [], fields };
  const uplink = 'port' in to ? to.uplink : undefined;
  if (fabric && uplink) return { inPort: uplink.port, vlans: [uplink.vlan], fields };
  return {
    inPort: TUNNEL,
    vlans: [],
    fields: { ...fields, tun_src: ip4(from.underlay), tun_id: CLASS_OF.get(from.epg) },
  };
}

const state = fc.constantFrom('new' as const, 'established' as const, 'reply' as const);
const vlanLimit = fc.constantFrom(1 as const, 2 as const);

/** Whether the frame is one that the endpoint may send, tagged as its place says. */
const isFrom = (e: LocalEndpoint, { inPort, vlans = [], fields }: TestFrame): boolean =>
  e.port === inPort &&
  (e.wire?.vlan === undefined ? vlans.length === 0 : vlans.length === 1 && vlans[0] === e.wire.vlan) &&
  (fields.eth_src === mac(e.mac) || (e.wire?.routed === true && fields.eth_src === mac(GATEWAY_MAC))) &&
  e.addresses.some((a) => ip4(a) === (fields.ip_src ?? fields.arp_spa));

const isUplink = (port: number): boolean => UPLINKS.some((uplink) => uplink === port);
type Output = Outcome['outputs'][number];
const classOf = (e: PlacedEndpoint): bigint => BigInt(e.class.classId);

/** The class that a frame left with is that of somebody who may have sent it: there, so, and with that address. */
function expectSource({ local: locals, remote: remotes }: PlacedEndpoints, f: TestFrame, { fields }: Output): void {
  const { reg0: source, reg4: vrf } = fields;
  if (f.inPort === TUNNEL) {
    const peers = remotes.filter((e) => ip4(e.underlay) === f.fields.tun_src).map(classOf);
    expect(peers).toContain(source);
    expect(f.fields.tun_id).toBe(source);
  } else if (isUplink(f.inPort)) {
    const known = remotes.filter((e) => e.addresses.some((a) => ip4(a) === f.fields.ip_src));
    expect(known.map(classOf)).toContain(source);
    const inVlan = locals.find((e) => e.uplink?.port === f.inPort && e.uplink.vlan === f.vlans?.[0]);
    expect(inVlan && BigInt(inVlan.class.vrf)).toBe(vrf);
  } else {
    expect(locals.filter((e) => isFrom(e, f)).map(classOf)).toContain(source);
  }
}

type Way = 'back' | 'toTunnel' | 'toFabric' | 'toLocal';

/** It left by a way that was open to it, in the VLAN that is right there. */
function expectWay({ local: locals }: PlacedEndpoints, f: TestFrame, out: Output, answered: boolean): Way {
  const elsewhere = f.inPort === TUNNEL || isUplink(f.inPort);
  if (answered) {
    expect([out.port, out.vlans]).toEqual([f.inPort, f.vlans]);
    return 'back';
  }
  if (out.port === TUNNEL) {
    expect([elsewhere, out.vlans, out.fields.tun_id]).toEqual([false, [], out.fields.reg0]);
    return 'toTunnel';
  }
  if (isUplink(out.port)) {
    expect(elsewhere).toBe(false);
    // Two that claim one port share what the first of them loads.
    const there = locals.filter((e) => e.port === f.inPort && classOf(e) === out.fields.reg0);
    const ways = there.map((e) => [e.uplink?.port, [e.uplink?.vlan]]);
    expect(ways).toContainEqual([out.port, out.vlans]);
    return 'toFabric';
  }
  // Several that claim one place and one MAC cannot be told apart, and their first is served.
  const served = locals.filter(
    (e) => e.port === out.port && classOf(e) === out.fields.reg2 && mac(e.mac) === out.fields.eth_dst,
  );
  expect(served.map((e) => BigInt(e.class.vrf))).toContain(out.fields.reg4);
  expect(served.map((e) => (e.wire?.vlan === undefined ? [] : [e.wire.vlan]))).toContainEqual(out.vlans);
  if (out.port === f.inPort) expect(served.some((e) => e.wire?.hairpin)).toBe(true);
  return 'toLocal';
}

describe('the flows of any bridge', () => {
  it('are made, and no two of them are one entry', () => {
    fc.assert(
      fc.property(snapshot, (s) => {
        const keys = computeFlows(s).map(flowKey);
        expect(new Set(keys).size).toBe(keys.length);
      }),
    );
  });

  it('never take a frame for two classes, and send it where it belongs or nowhere', () => {
    const left = { back: 0, toTunnel: 0, toFabric: 0, toLocal: 0 };
    const anyFrame = fc.oneof({ weight: 1, arbitrary: frame }, { weight: 3, arbitrary: aim });
    const frames = fc.array(fc.tuple(anyFrame, state, vlanLimit), { minLength: 20, maxLength: 60 });
    fc.assert(
      fc.property(snapshot, frames, (s, sent) => {
        const flows = computeFlows(s);
        const placed = placeEndpoints(s);
        for (const [one, ct, limit] of sent) {
          const f = 'inPort' in one ? one : aimed(s, one);
          // Fails by itself when two flows of one priority would do different things with the frame.
          const { outputs, path } = simulate(flows, f, { state: ct, vlanLimit: limit });
          expect(outputs.length).toBeLessThanOrEqual(1);
          const [out] = outputs;
          if (!out) continue;
          expectSource(placed, f, out);
          left[expectWay(placed, f, out, path.includes('reply'))] += 1;
        }
      }),
    );
    // The property says something only where frames get through.
    for (const count of Object.values(left)) expect(count).toBeGreaterThan(10);
  });
});

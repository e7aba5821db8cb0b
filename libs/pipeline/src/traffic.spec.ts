import { computeFlows } from './compute';
import { isOurs } from './cookie';
import type { Flow, FlowStats } from './openflow/flow';
import { ACCESS, HOST, LEAF, SERVER, VLANS, arpRequest, packet } from './testing/fabric';
import { simulate, type TestFrame } from './testing/simulate';
import { TRAFFIC_FILTERS, trafficOf } from './traffic';
import { GATEWAY_MAC, mac } from './addresses';

/** The counters after some frames, as a switch would have them; each frame has 100 bytes. */
function counted(flows: readonly Flow[], frames: readonly TestFrame[]): FlowStats[] {
  const met = frames.flatMap((frame) => simulate(flows, frame).met);
  return flows.map((flow) => {
    const packets = BigInt(met.filter((f) => f === flow).length);
    return { ...flow, packets, bytes: 100n * packets };
  });
}

const zero = { packets: 0, bytes: 0 };
const many = (packets: number) => ({ packets, bytes: 100 * packets });

describe('trafficOf', () => {
  const ids = LEAF.local.map((e) => e.id);
  const fromServer = { inPort: SERVER, vlans: [VLANS.db], fields: packet('10.8.0.42', '10.7.0.41', { eth_dst: mac(GATEWAY_MAC) }) }; // prettier-ignore
  const back = { inPort: ACCESS, fields: packet('10.7.0.41', '10.8.0.42', { eth_dst: mac(GATEWAY_MAC) }) };

  it('counts what was sent and what was delivered, of each endpoint behind a shared port', () => {
    const traffic = trafficOf(ids, counted(computeFlows(LEAF), [fromServer, fromServer, back]));
    expect(traffic['db/10.8.0.42']).toEqual({ sent: many(2), received: many(1) });
    expect(traffic['web/10.7.0.41']).toEqual({ sent: many(1), received: many(2) });
    expect(traffic['api/10.8.0.43']).toEqual({ sent: zero, received: zero });
    expect(Object.keys(traffic).sort()).toEqual([...ids].sort());
  });

  it('counts nothing as received that a contract, or the lack of one, ended', () => {
    const silent = { ...LEAF, resolved: new Map([...LEAF.resolved].filter(([, e]) => e.type !== 'rule')) };
    const traffic = trafficOf(ids, counted(computeFlows(silent), [fromServer]));
    expect(traffic['db/10.8.0.42']?.sent).toEqual(many(1));
    expect(traffic['web/10.7.0.41']?.received).toEqual(zero);
  });

  it('counts neither ARP nor what was spoofed', () => {
    const frames: TestFrame[] = [
      { inPort: SERVER, vlans: [VLANS.db], fields: arpRequest('10.8.0.42', '10.8.0.1') },
      { inPort: SERVER, vlans: [VLANS.db], fields: arpRequest('10.8.0.13', '10.8.0.1') },
      { inPort: SERVER, vlans: [VLANS.db], fields: packet('10.8.0.99', '10.8.0.13') },
    ];
    const traffic = trafficOf(ids, counted(computeFlows(LEAF), frames));
    expect(Object.values(traffic).every(({ sent }) => sent.packets === 0)).toBe(true);
  });

  it('counts what the host delivers by its link', () => {
    const health = { eth_type: 0x0800n, ip_src: 0xa9fe0101n, ip_dst: 0xa9fe4004n, ip_proto: 6n, tcp_dst: 8080n };
    const traffic = trafficOf(['api/10.8.0.14'], counted(computeFlows(HOST), [{ inPort: 2, fields: health }]));
    expect(traffic).toEqual({ 'api/10.8.0.14': { sent: zero, received: many(1) } });
  });

  it('asks for every flow that it sums', () => {
    const tables = TRAFFIC_FILTERS.map(({ table }) => table);
    const asked = (flow: Flow): boolean => tables.includes(flow.table) && isOurs(flow.cookie);
    const stats = counted(computeFlows(LEAF), [fromServer, back]);
    expect(trafficOf(ids, stats.filter(asked))).toEqual(trafficOf(ids, stats));
  });
});

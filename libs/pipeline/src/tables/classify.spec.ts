import { GATEWAY_MAC, mac } from '../addresses';
import { computeFlows } from '../compute';
import { objectCookie } from '../cookie';
import { tableNumber } from '../tables';
import { ACCESS, CABLE, HOST, LEAF, PRIVATE, SERVER, UPLINK, VLANS, epgPath, packet, wired } from '../testing/fabric';
import { simulate, type TestFrame } from '../testing/simulate';

const host = computeFlows(HOST);
const leaf = computeFlows(LEAF);
const PCP = 3 << 13;

describe('classify at the ports of a leaf', () => {
  const arriving = (frame: TestFrame) => simulate(leaf, frame);

  it('knows an endpoint by port and VLAN, of any priority', () => {
    const frame = packet('10.8.0.42', '10.8.0.13');
    expect(arriving({ inPort: SERVER, vlans: [VLANS.db], fields: frame }).outputs).toHaveLength(1);
    expect(arriving({ inPort: SERVER, vlans: [VLANS.db | PCP], fields: frame }).outputs).toHaveLength(1);
  });

  it('knows an untagged one by port and MAC', () => {
    const { outputs } = arriving({ inPort: ACCESS, fields: packet('10.7.0.41', '10.7.0.61') });
    expect(outputs).toMatchObject([{ port: PRIVATE, vlans: [], fields: { reg0: 16n, reg2: 16n } }]);
  });

  it.each<[string, TestFrame]>([
    ['a VLAN that nobody has there', { inPort: SERVER, vlans: [VLANS.web], fields: packet('10.8.0.42', '10.8.0.13') }],
    ['no tag at a tagged place', { inPort: SERVER, fields: packet('10.8.0.42', '10.8.0.13') }],
    ['a tag with a priority only', { inPort: SERVER, vlans: [PCP], fields: packet('10.8.0.42', '10.8.0.13') }],
    ['a tag with nothing in it', { inPort: SERVER, vlans: [0], fields: packet('10.8.0.42', '10.8.0.13') }],
    ['a tag at an untagged place', { inPort: ACCESS, vlans: [VLANS.web], fields: packet('10.7.0.41', '10.7.0.61') }],
    ['a priority at an untagged place', { inPort: ACCESS, vlans: [0], fields: packet('10.7.0.41', '10.7.0.61') }],
  ])('ends what has %s', (_, frame) => {
    expect(arriving(frame)).toMatchObject({ path: ['classify'], outputs: [], reason: 'unknown-vlan' });
  });

  it.each([1, 2] as const)('ends a second tag inside the first, when the switch looks behind %i', (vlanLimit) => {
    const frame = { inPort: SERVER, vlans: [VLANS.db, VLANS.web], fields: packet('10.8.0.42', '10.8.0.13') };
    const swapped = { ...frame, vlans: [VLANS.db, VLANS.db] };
    for (const f of [frame, swapped])
      expect(simulate(leaf, f, { vlanLimit })).toMatchObject({ outputs: [], reason: 'spoofed-source' });
  });

  it('gives one flow to the endpoints of an EPG behind one port, with the cookie of the EPG', () => {
    const flows = leaf.filter((f) => f.table === tableNumber('classify') && f.match.in_port === BigInt(CABLE));
    expect(flows.map((f) => [f.priority, f.cookie])).toEqual([
      [110, objectCookie(`class/${epgPath('web')}`)],
      [110, objectCookie(`class/${epgPath('db')}`)],
      [50, expect.anything()],
    ]);
  });

  it('lets the first EPG have a VLAN that two claim at one port, and the other one pass nothing', () => {
    const twice = {
      ...LEAF,
      local: [wired('web', '10.7.0.71', 50, { vlan: 7 }), wired('db', '10.8.0.72', 50, { vlan: 7 }), ...LEAF.local],
    };
    const flows = computeFlows(twice);
    const from = (address: string) => simulate(flows, { inPort: 50, vlans: [7], fields: packet(address, '10.7.0.61', { eth_dst: mac(GATEWAY_MAC) }) }); // prettier-ignore
    expect(from('10.7.0.71').outputs).toMatchObject([{ port: PRIVATE }]);
    expect(from('10.8.0.72')).toMatchObject({ outputs: [], reason: 'spoofed-source' });
  });

  it('goes by VLAN where tagged and untagged endpoints share a port', () => {
    const both = { ...LEAF, local: [...LEAF.local, wired('api', '10.8.0.71', SERVER)] };
    const flows = computeFlows(both);
    const untagged = simulate(flows, { inPort: SERVER, fields: packet('10.8.0.71', '10.8.0.43') });
    const tagged = simulate(flows, { inPort: SERVER, vlans: [VLANS.db], fields: packet('10.8.0.42', '10.8.0.43') });
    expect(untagged.outputs).toMatchObject([{ port: ACCESS, fields: { reg0: 17n } }]);
    expect(tagged.outputs).toMatchObject([{ port: ACCESS, fields: { reg0: 18n } }]);
  });

  it('gives no class to a MAC that is not known there', () => {
    const stranger = packet('10.7.0.41', '10.7.0.61', { eth_src: 0x02_0000_0000_99n });
    expect(arriving({ inPort: ACCESS, fields: stranger })).toMatchObject({
      path: ['classify', 'spoof-guard'], outputs: [], reason: 'spoofed-source',
    }); // prettier-ignore
  });
});

describe('classify at a host', () => {
  it('never takes a port of the bridge for one of an endpoint', () => {
    const claimed = { ...HOST, local: [{ ...HOST.local[0]!, port: 1 }, { ...HOST.local[1]!, port: UPLINK }, ...HOST.local.slice(2)] }; // prettier-ignore
    const flows = computeFlows(claimed);
    expect(simulate(flows, { inPort: 1, fields: packet('10.7.0.11', '10.7.0.12') }).path[1]).toBe('tunnel-guard');
    expect(simulate(flows, { inPort: UPLINK, fields: packet('10.7.0.12', '10.7.0.11') }).path[1]).toBe('fabric-guard');
  });

  it('loads the uplink of an EPG that travels the fabric, and of no other', () => {
    const to = (from: string) => packet(from, '10.8.0.13', { eth_dst: mac(GATEWAY_MAC) });
    expect(simulate(host, { inPort: 11, fields: to('10.7.0.11') }).outputs).toMatchObject([
      { port: 13, fields: { reg5: 32n, reg8: BigInt(UPLINK), reg9: BigInt(VLANS.web) } },
    ]);
    const [plain] = simulate(host, { inPort: 14, fields: to('10.8.0.14') }).outputs;
    expect(plain).toMatchObject({ port: 13 });
    expect(plain?.fields).not.toHaveProperty('reg8');
  });

  it('ends what comes in where nobody is', () => {
    expect(simulate(host, { inPort: 99, fields: packet('10.7.0.11', '10.7.0.12') })).toMatchObject({
      path: ['classify'], reason: 'unknown-port',
    }); // prettier-ignore
  });
});

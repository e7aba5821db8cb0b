import { HeddleError } from '@heddle/model';
import { FakeSwitch } from '@heddle/ovs';
import { TunnelPeers } from './tunnel-peers';

const PEER = 0xc000_020cn;
const OTHER = 0xc000_020dn;

describe('TunnelPeers', () => {
  function setUp() {
    const bridge = new FakeSwitch();
    const errors: unknown[] = [];
    const peers = new TunnelPeers({ bridge, onError: (error) => errors.push(error) });
    const greeted = () =>
      bridge.sent
        .splice(0)
        .map(({ actions }) =>
          actions.flatMap((a) => (a.type === 'set_field' && a.field === 'tun_dst' ? [a.value] : [])).at(0),
        );
    return { bridge, errors, peers, greeted };
  }

  it('greets each peer once when it becomes known, out of the tunnel, with a class that nobody has', () => {
    const { peers, bridge, greeted } = setUp();
    peers.update(new Set(['192.0.2.12']), 3);
    expect(bridge.sent[0]).toMatchObject({
      inPort: 'controller',
      actions: [
        { type: 'set_field', field: 'tun_id', value: 0n },
        { type: 'set_field', field: 'tun_dst', value: PEER },
        { type: 'output', port: 3 },
      ],
    });
    expect(bridge.sent[0]?.data).toHaveLength(60);
    greeted();
    peers.update(new Set(['192.0.2.12', '192.0.2.13']), 3);
    expect(greeted()).toEqual([OTHER]);
    peers.update(new Set(['192.0.2.12', '192.0.2.13']), 3);
    expect(greeted()).toEqual([]);
  });

  it('greets again whoever comes back, and everybody when it is asked to', () => {
    const { peers, greeted } = setUp();
    peers.update(new Set(['192.0.2.12', '192.0.2.13']), 3);
    peers.update(new Set(['192.0.2.12']), 3);
    peers.update(new Set(['192.0.2.12', '192.0.2.13']), 3);
    expect(greeted()).toEqual([PEER, OTHER, OTHER]);
    peers.refresh();
    expect(greeted()).toEqual([PEER, OTHER]);
  });

  it('waits for the tunnel port, and greets everybody when it is there or becomes another one', () => {
    const { peers, greeted } = setUp();
    peers.update(new Set(['192.0.2.12']), undefined);
    peers.refresh();
    expect(greeted()).toEqual([]);
    peers.update(new Set(['192.0.2.12']), 3);
    expect(greeted()).toEqual([PEER]);
    peers.update(new Set(['192.0.2.12']), 4);
    expect(greeted()).toEqual([PEER]);
  });

  it('sends nothing to a switch that is away, and greets everybody when it is back', () => {
    const { peers, bridge, greeted } = setUp();
    bridge.disconnect();
    peers.update(new Set(['192.0.2.12']), 3);
    expect(greeted()).toEqual([]);
    bridge.connect();
    expect(greeted()).toEqual([PEER]);
    peers.close();
    bridge.disconnect();
    bridge.connect();
    expect(greeted()).toEqual([]);
  });

  it('greets nobody whom no tunnel leads to, and everybody else', () => {
    const { peers, greeted } = setUp();
    peers.update(new Set(['fd00::1', '192.0.2.12']), 3);
    peers.refresh();
    expect(greeted()).toEqual([PEER, PEER]);
  });

  it('reports a greeting that could not be sent', async () => {
    const { peers, bridge, errors } = setUp();
    bridge.packetOut = async () => Promise.reject(new HeddleError('refused', 'no such port'));
    peers.update(new Set(['192.0.2.12']), 3);
    await new Promise((resolve) => setImmediate(resolve));
    expect(errors).toHaveLength(1);
  });
});

import { FakeClock } from '@heddle/host';
import { FakeSwitch } from '@heddle/ovs';
import { computeFlows, dropCookie, objectCookie, tableNumber } from '@heddle/pipeline';
import { acceptedPolicy } from '../testing/parts';
import { gratuitousArp } from './announcements';
import { Sightings } from './sightings';
import { TRAFFIC_MS, TrafficSampler } from './traffic-sampler';

const ENDPOINT = {
  id: 'docker:h1/e1',
  epg: 'acme/shop/web',
  mac: '02:48:0a:20:00:05',
  addresses: ['10.32.0.5'],
  port: 5,
  linkIndex: 1,
  healthPorts: [],
};

describe('TrafficSampler', () => {
  it('reads from time to time what endpoints have sent and received, and gives each reading once', async () => {
    const clock = new FakeClock();
    const bridge = new FakeSwitch();
    const flows = computeFlows({
      resolved: new Map(Object.entries(acceptedPolicy().entries)),
      local: [ENDPOINT],
      remote: [],
      ports: {},
    });
    await bridge.apply({ add: flows, modify: [], remove: [] });
    const sampler = new TrafficSampler(bridge, () => [ENDPOINT.id], clock);
    const own = flows.filter((flow) => flow.cookie === objectCookie(ENDPOINT.id));
    const admitted = own.find((f) => f.table === tableNumber('spoof-guard') && f.match.eth_type === 0x0800n);
    bridge.count(admitted as (typeof flows)[number], 3n, 300n);
    expect(sampler.take()).toBeUndefined();
    await clock.advance(TRAFFIC_MS);
    expect(sampler.take()?.[ENDPOINT.id]?.sent).toEqual({ packets: 3, bytes: 300 });
    expect(sampler.take()).toBeUndefined();
    bridge.disconnect();
    await clock.advance(TRAFFIC_MS);
    expect(sampler.take()).toBeUndefined();
    sampler.close();
  });
});

describe('Sightings', () => {
  it('tell each claim once, by the name of the port, and begin anew when they were taken', () => {
    const bridge = new FakeSwitch();
    const sightings = new Sightings(bridge, (port) => (port === 7 ? 'h1-macvlan' : undefined), new FakeClock());
    const data = gratuitousArp('02:00:00:00:00:09', '10.32.0.5', { to: 'ff:ff:ff:ff:ff:ff' });
    const shown = { inPort: 7, table: 3, cookie: dropCookie('address-elsewhere'), match: { in_port: 7n }, data };
    for (let i = 0; i < 3; i++) bridge.receive(shown);
    bridge.receive({ ...shown, cookie: 1n });
    const claim = { mac: '02:00:00:00:00:09', address: '10.32.0.5', port: 'h1-macvlan', at: expect.any(String) };
    expect(sightings.take()).toEqual([claim]);
    expect(sightings.take()).toEqual([]);
    for (let i = 0; i < 300; i++)
      bridge.receive({ ...shown, data: gratuitousArp('02:00:00:00:00:09', `10.32.1.${i % 250}`, { to: claim.mac }) });
    expect(sightings.take()).toHaveLength(100);
    sightings.close();
    bridge.receive(shown);
    expect(sightings.take()).toEqual([]);
  });
});

import { FakeClock } from '@heddle/host';
import { FakeSwitch } from '@heddle/ovs';
import { computeFlows, dropCookie, tableNumber, type DropReason, type Flow } from '@heddle/pipeline';
import { renderMetrics } from '@heddle/service';
import { Registry } from 'prom-client';
import { remoteEndpoint } from '../agent/host-snapshot';
import { acceptedPolicy, distributed } from '../testing/parts';
import { addDropMetrics, DropSampler, readDrops, SAMPLE_MS } from './drops';

const FLOWS = computeFlows({
  resolved: new Map(Object.entries(acceptedPolicy().entries)),
  local: [],
  remote: [remoteEndpoint(distributed('c'), new Set())],
  ports: { tunnel: 1 },
});
const dropOf = (reason: DropReason): Flow => FLOWS.find((flow) => flow.cookie === dropCookie(reason)) as Flow;

describe('drops', () => {
  let bridge: FakeSwitch;
  const settled = () => new Promise((resolve) => setImmediate(resolve));

  beforeEach(async () => {
    bridge = new FakeSwitch();
    await bridge.apply({ add: FLOWS, modify: [], remove: [] });
  });

  it('are summed up by reason, over the tables that have it', async () => {
    bridge.count(dropOf('no-contract'), 7n, 700n);
    const refused = FLOWS.filter((flow) => flow.cookie === dropCookie('host-link-refused'));
    for (const flow of refused) bridge.count(flow, 2n, 0n);
    // What is passed on is not dropped.
    for (const flow of FLOWS.filter((f) => f.table === tableNumber('commit'))) bridge.count(flow, 99n, 0n);
    expect(await readDrops(bridge)).toEqual({
      'unknown-port': 0,
      'spoofed-source': 0,
      'unknown-tunnel-source': 0,
      'unanswered-arp': 0,
      'no-destination': 0,
      'not-ip': 0,
      'invalid-connection-state': 0,
      'no-contract': 7,
      'host-link-refused': 2 * refused.length,
      'address-elsewhere': 0,
      'hairpin-refused': 0,
      'unknown-fabric-source': 0,
      'unknown-vlan': 0,
      'vlan-mismatch': 0,
    });
  });

  it('are asked for by their cookies, which no other flow of ours has', async () => {
    const dump = jest.spyOn(bridge, 'dump');
    await readDrops(bridge);
    const asked = await bridge.dump(dump.mock.calls[0]?.[0]);
    expect(asked.some((flow) => flow.cookie === dropCookie('no-contract'))).toBe(true);
    // Neither rules nor endpoints, of which there are many.
    expect(asked.length).toBeLessThan(FLOWS.length);
    expect(Math.max(...asked.map((flow) => Number(flow.cookie & 0xffff_ffff_ffffn)))).toBeLessThan(16);
  });

  it('are on the page of metrics as they are at that moment, and the page is there without them', async () => {
    const registry = new Registry();
    addDropMetrics(registry, bridge);
    const line = async () =>
      /^heddle_dropped_packets_total.*spoofed-source.*$/m.exec(await renderMetrics([registry]))?.[0];
    for (const total of [3, 6]) {
      bridge.count(dropOf('spoofed-source'), 3n, 0n);
      expect(await line()).toBe(`heddle_dropped_packets_total{reason="spoofed-source"} ${total}`);
    }
    bridge.disconnect();
    expect(await line()).toBeUndefined();
    expect(await renderMetrics([registry])).toContain('# TYPE heddle_dropped_packets_total counter');
    bridge.connect();
    expect(await line()).toBe('heddle_dropped_packets_total{reason="spoofed-source"} 6');
  });

  it('are sampled now and then, and unknown while the switch is away', async () => {
    const clock = new FakeClock();
    const sampler = new DropSampler(bridge, clock);
    const later = async () => {
      await clock.advance(SAMPLE_MS);
      await settled();
      return sampler.drops?.['no-contract'];
    };
    expect(sampler.drops).toBeUndefined();
    bridge.count(dropOf('no-contract'), 4n, 0n);
    expect(await later()).toBe(4);
    bridge.disconnect();
    expect(await later()).toBeUndefined();
    bridge.connect();
    bridge.failNext();
    expect(await later()).toBeUndefined();
    expect(await later()).toBe(4);
    sampler.close();
    bridge.count(dropOf('no-contract'), 4n, 0n);
    expect(await later()).toBe(4);
  });
});

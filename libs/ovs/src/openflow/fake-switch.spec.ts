import { HeddleError } from '@heddle/model';
import type { Flow } from '@heddle/pipeline';
import { describeSwitch } from '../testing/switch-contract';
import type { PacketIn } from './codec/packets';
import { FakeSwitch } from './fake-switch';

const FLOW: Flow = { table: 0, priority: 1, cookie: 1n, match: {}, actions: [] };

describe('the switch in memory', () => {
  describeSwitch(async () => new FakeSwitch());

  it('fails when it is told to, and only then', async () => {
    const sw = new FakeSwitch();
    sw.failNext(new HeddleError('limit', 'full'));
    await expect(sw.apply({ add: [FLOW], modify: [], remove: [] })).rejects.toMatchObject({ code: 'limit' });
    expect(await sw.dump()).toEqual([]);
  });

  it('forgets its flows in a restart and says that it is back', async () => {
    const sw = new FakeSwitch();
    await sw.apply({ add: [FLOW], modify: [], remove: [] });
    const seen: string[] = [];
    sw.onConnected(() => seen.push('connected'));
    sw.onDisconnected(() => seen.push('disconnected'));
    sw.restart();
    expect(seen).toEqual(['connected', 'disconnected', 'connected']);
    expect(await sw.dump()).toEqual([]);
  });

  it('is unavailable while it is disconnected, and keeps its flows', async () => {
    const sw = new FakeSwitch();
    await sw.apply({ add: [FLOW], modify: [], remove: [] });
    sw.disconnect();
    await expect(sw.dump()).rejects.toMatchObject({ code: 'unavailable' });
    sw.connect();
    expect(await sw.dump()).toHaveLength(1);
  });

  it('delivers packets to whoever listens, while it is connected', () => {
    const sw = new FakeSwitch();
    const packet: PacketIn = { inPort: 1, table: 0, cookie: 1n, match: {}, data: Buffer.alloc(14) };
    const seen: PacketIn[] = [];
    const stop = sw.onPacketIn((p) => seen.push(p));
    sw.receive(packet);
    sw.disconnect();
    sw.receive(packet);
    sw.connect();
    stop();
    sw.receive(packet);
    expect(seen).toEqual([packet]);
  });

  it('keeps the counters of a flow that is replaced', async () => {
    const sw = new FakeSwitch();
    await sw.apply({ add: [FLOW], modify: [], remove: [] });
    sw.count(FLOW, 3n, 300n);
    await sw.apply({ add: [], modify: [{ ...FLOW, cookie: 2n }], remove: [] });
    expect(await sw.dump()).toMatchObject([{ cookie: 2n, packets: 3n, bytes: 300n }]);
  });
});

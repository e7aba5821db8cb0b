import { FakeClock, FakeNftCommand } from '@heddle/host';
import { ENDPOINT_PORTS, ensurePortGuard, keepPortGuard, portGuardScript } from './port-guard';

const SCRIPT = portGuardScript([...ENDPOINT_PORTS, 'eth1']);

describe('the guard of endpoint ports', () => {
  it('is put in place once, and again when somebody removed it', async () => {
    const nft = new FakeNftCommand();
    await expect(ensurePortGuard(nft, ENDPOINT_PORTS)).resolves.toBe(true);
    await expect(ensurePortGuard(nft, ENDPOINT_PORTS)).resolves.toBe(false);
    nft.flush();
    await expect(ensurePortGuard(nft, ENDPOINT_PORTS)).resolves.toBe(true);
    expect(nft.scripts).toEqual([portGuardScript(ENDPOINT_PORTS), portGuardScript(ENDPOINT_PORTS)]);
  });

  it('is made anew when there is more to guard', async () => {
    const nft = new FakeNftCommand();
    await ensurePortGuard(nft, ENDPOINT_PORTS);
    await expect(ensurePortGuard(nft, [...ENDPOINT_PORTS, 'eth1'])).resolves.toBe(true);
    await expect(ensurePortGuard(nft, [...ENDPOINT_PORTS, 'eth1'])).resolves.toBe(false);
  });

  it.each(['inet', 'arp'])('is put back when somebody emptied its chains for %s', async (family) => {
    const nft = new FakeNftCommand();
    await ensurePortGuard(nft, ENDPOINT_PORTS);
    nft.flushTable(`${family} heddle-ports`);
    await expect(ensurePortGuard(nft, ENDPOINT_PORTS)).resolves.toBe(true);
    await expect(ensurePortGuard(nft, ENDPOINT_PORTS)).resolves.toBe(false);
  });

  it('is looked at from time to time, and its loss is told', async () => {
    const nft = new FakeNftCommand();
    const clock = new FakeClock();
    const onMissing = jest.fn();
    const onError = jest.fn();
    await ensurePortGuard(nft, ENDPOINT_PORTS);
    const end = keepPortGuard(nft, { interfaces: () => ENDPOINT_PORTS, onMissing, onError, clock });
    await clock.advance(2_000);
    expect(onMissing).not.toHaveBeenCalled();
    nft.flush();
    await clock.advance(2_000);
    expect(onMissing).toHaveBeenCalledTimes(1);

    nft.flush();
    jest.spyOn(nft, 'apply').mockRejectedValueOnce(new Error('no such family'));
    await clock.advance(2_000);
    expect(onError).toHaveBeenCalledWith(expect.objectContaining({ message: 'no such family' }));
    await clock.advance(2_000);
    expect(onMissing).toHaveBeenCalledTimes(2);
    end();
    nft.flush();
    await clock.advance(10_000);
    expect(onMissing).toHaveBeenCalledTimes(2);
  });

  it('covers both directions of IP and of ARP', () => {
    expect(SCRIPT.match(/hook (\w+)/g)).toEqual(['hook prerouting', 'hook output', 'hook input', 'hook output']);
    expect(SCRIPT.match(/[io]ifname "hd_\*" drop/g)).toHaveLength(4);
    expect(SCRIPT.match(/[io]ifname "eth1" drop/g)).toHaveLength(4);
  });
});

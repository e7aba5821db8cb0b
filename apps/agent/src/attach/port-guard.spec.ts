import { FakeClock, FakeNftCommand } from '@heddle/host';
import { ensurePortGuard, keepPortGuard, PORT_GUARD_SCRIPT } from './port-guard';

describe('the guard of endpoint ports', () => {
  it('is put in place once, and again when somebody removed it', async () => {
    const nft = new FakeNftCommand();
    await expect(ensurePortGuard(nft)).resolves.toBe(true);
    await expect(ensurePortGuard(nft)).resolves.toBe(false);
    nft.flush();
    await expect(ensurePortGuard(nft)).resolves.toBe(true);
    expect(nft.scripts).toEqual([PORT_GUARD_SCRIPT, PORT_GUARD_SCRIPT]);
  });

  it.each(['inet', 'arp'])('is put back when somebody emptied its chains for %s', async (family) => {
    const nft = new FakeNftCommand();
    await ensurePortGuard(nft);
    nft.flushTable(`${family} heddle-ports`);
    await expect(ensurePortGuard(nft)).resolves.toBe(true);
    await expect(ensurePortGuard(nft)).resolves.toBe(false);
  });

  it('is looked at from time to time, and its loss is told', async () => {
    const nft = new FakeNftCommand();
    const clock = new FakeClock();
    const onMissing = jest.fn();
    const onError = jest.fn();
    await ensurePortGuard(nft);
    const end = keepPortGuard(nft, { onMissing, onError, clock });
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
    expect(PORT_GUARD_SCRIPT.match(/hook (\w+)/g)).toEqual([
      'hook prerouting',
      'hook output',
      'hook input',
      'hook output',
    ]);
    expect(PORT_GUARD_SCRIPT.match(/[io]ifname "hd_\*" drop/g)).toHaveLength(4);
  });
});

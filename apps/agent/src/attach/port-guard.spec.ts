import { FakeClock, FakeNftCommand } from '@heddle/host';
import { ensureGuard, guardScript, keepGuard, removeGuard } from './packet-guard';
import { PORT_GUARD } from './port-guard';

const SCRIPT = guardScript(PORT_GUARD);

describe('the guard of endpoint ports', () => {
  const ensure = (nft: FakeNftCommand): Promise<boolean> => ensureGuard(nft, PORT_GUARD);

  it('is put in place once, and again when somebody removed it', async () => {
    const nft = new FakeNftCommand();
    await expect(ensure(nft)).resolves.toBe(true);
    await expect(ensure(nft)).resolves.toBe(false);
    nft.flush();
    await expect(ensure(nft)).resolves.toBe(true);
    expect(nft.scripts).toEqual([SCRIPT, SCRIPT]);
    await removeGuard(nft, PORT_GUARD);
    expect(nft.scripts.at(-1)).toBe(
      'add table inet heddle-ports\ndelete table inet heddle-ports\nadd table arp heddle-ports\ndelete table arp heddle-ports\n',
    );
  });

  it.each(['inet', 'arp'])('is put back when somebody emptied its chains for %s', async (family) => {
    const nft = new FakeNftCommand();
    await ensure(nft);
    nft.flushTable(`${family} heddle-ports`);
    await expect(ensure(nft)).resolves.toBe(true);
    await expect(ensure(nft)).resolves.toBe(false);
  });

  it('is looked at from time to time, and its loss is told', async () => {
    const nft = new FakeNftCommand();
    const clock = new FakeClock();
    const onMissing = jest.fn();
    const onError = jest.fn();
    await ensure(nft);
    const end = keepGuard(nft, PORT_GUARD, { onMissing, onError, clock });
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
  });
});

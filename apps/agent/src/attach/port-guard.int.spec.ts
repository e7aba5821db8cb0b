import { inNetns, SystemNetworkNamespaces, SystemNftCommand, SystemProcesses, type RunOptions } from '@heddle/host';
import { ensurePortGuard } from './port-guard';

const describeRoot = process.getuid?.() === 0 ? describe : describe.skip;

describeRoot('the guard of endpoint ports, in the kernel', () => {
  const netns = `hdpg${process.pid}`;
  const processes = new SystemProcesses();
  const namespaces = new SystemNetworkNamespaces(processes);
  const inside = {
    run: (argv: readonly string[], options?: RunOptions) => processes.run([...inNetns(netns), ...argv], options),
  };

  beforeAll(() => namespaces.add(netns));
  afterAll(() => namespaces.remove(netns));

  it('is accepted, recognised, and put back', async () => {
    const nft = new SystemNftCommand(inside);
    await expect(ensurePortGuard(nft)).resolves.toBe(true);
    await expect(ensurePortGuard(nft)).resolves.toBe(false);
    await nft.apply('delete table arp heddle-ports\n');
    await expect(ensurePortGuard(nft)).resolves.toBe(true);
    await expect(nft.tables()).resolves.toEqual(['inet heddle-ports', 'arp heddle-ports']);
  });
});

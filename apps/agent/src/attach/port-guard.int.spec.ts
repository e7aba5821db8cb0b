import { inNetns, SystemNetworkNamespaces, SystemNftCommand, SystemProcesses, type RunOptions } from '@heddle/host';
import { ENDPOINT_PORTS, ensurePortGuard } from './port-guard';

const GUARDED = [...ENDPOINT_PORTS, 'eth1'];
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
    await expect(ensurePortGuard(nft, GUARDED)).resolves.toBe(true);
    await expect(ensurePortGuard(nft, GUARDED)).resolves.toBe(false);
    await nft.apply('delete table arp heddle-ports\n');
    await expect(ensurePortGuard(nft, GUARDED)).resolves.toBe(true);
    await expect(ensurePortGuard(nft, GUARDED)).resolves.toBe(false);
  });

  it.each([
    ['emptied a table', 'flush table inet heddle-ports\n'],
    ['emptied a chain', 'flush chain arp heddle-ports leaving\n'],
    ['added a rule before the others', 'insert rule inet heddle-ports arriving accept\n'],
    ['removed every rule there is', 'flush ruleset\n'],
  ])('is put back when somebody %s', async (_, script) => {
    const nft = new SystemNftCommand(inside);
    await ensurePortGuard(nft, GUARDED);
    await nft.apply(script);
    await expect(ensurePortGuard(nft, GUARDED)).resolves.toBe(true);
    await expect(ensurePortGuard(nft, GUARDED)).resolves.toBe(false);
  });
});

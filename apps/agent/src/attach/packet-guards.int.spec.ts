import { inNetns, SystemNetworkNamespaces, SystemNftCommand, SystemProcesses, type RunOptions } from '@heddle/host';
import { SHIM_GUARD } from './macvlan/shim-guard';
import { ensureGuard, removeGuard } from './packet-guard';
import { ENDPOINT_PORTS, portGuard } from './port-guard';

const PORT_GUARD = portGuard([...ENDPOINT_PORTS, 'eth1']);

const describeRoot = process.getuid?.() === 0 ? describe : describe.skip;

describeRoot('guards in the kernel', () => {
  const netns = `hdpg${process.pid}`;
  const processes = new SystemProcesses();
  const namespaces = new SystemNetworkNamespaces(processes);
  const inside = {
    run: (argv: readonly string[], options?: RunOptions) => processes.run([...inNetns(netns), ...argv], options),
  };

  beforeAll(() => namespaces.add(netns));
  afterAll(() => namespaces.remove(netns));

  it.each([PORT_GUARD, SHIM_GUARD])('are accepted, recognised, put back and removed: $table', async (guard) => {
    const nft = new SystemNftCommand(inside);
    await expect(ensureGuard(nft, guard)).resolves.toBe(true);
    await expect(ensureGuard(nft, guard)).resolves.toBe(false);
    const [family] = Object.keys(guard.families).slice(-1);
    await nft.apply(`delete table ${family} ${guard.table}\n`);
    await expect(ensureGuard(nft, guard)).resolves.toBe(true);
    await expect(ensureGuard(nft, guard)).resolves.toBe(false);
    await removeGuard(nft, guard);
    await removeGuard(nft, guard);
    await expect(nft.rules(`inet ${guard.table}`)).resolves.toBeUndefined();
  });

  it.each([
    ['emptied a table', 'flush table inet heddle-ports\n'],
    ['emptied a chain', 'flush chain arp heddle-ports leaving\n'],
    ['added a rule before the others', 'insert rule inet heddle-ports arriving accept\n'],
    ['removed every rule there is', 'flush ruleset\n'],
  ])('are put back when somebody %s', async (_, script) => {
    const nft = new SystemNftCommand(inside);
    await ensureGuard(nft, PORT_GUARD);
    await nft.apply(script);
    await expect(ensureGuard(nft, PORT_GUARD)).resolves.toBe(true);
    await expect(ensureGuard(nft, PORT_GUARD)).resolves.toBe(false);
  });
});

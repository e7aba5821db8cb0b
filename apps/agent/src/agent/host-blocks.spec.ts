import { FakeFiles, HashedFile } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import { Kept, type KeptHost } from '../store';
import { HostBlocks } from './host-blocks';

const BD = 'acme/default';

describe('HostBlocks', () => {
  async function setUp() {
    const files = new FakeFiles();
    const file = new HashedFile<KeptHost>(files, '/state/host', (json) => json as KeptHost);
    const host = await Kept.open<KeptHost>(file, { blocks: [], instances: {} }, () => undefined);
    const log: string[] = [];
    const leases: string[] = ['10.32.0.0/30', '10.32.0.4/30'];
    let free = 0;
    const blocks = new HostBlocks({
      host,
      lease: async (bridgeDomain, have) => {
        log.push(`lease ${bridgeDomain} ${have.join('+') || '-'}`);
        const block = leases.shift();
        if (!block) throw new HeddleError('limit', 'the pool is empty');
        return block;
      },
      configure: () => log.push('configure'),
      configured: async () => {
        log.push(`configured ${host.value.blocks.length}`);
        free += 2;
      },
      reserve: async ({ owner }) => {
        await new Promise((resolve) => setImmediate(resolve));
        if (free === 0) return { exhausted: true };
        free -= 1;
        return { address: owner, mac: '', gateway: '' };
      },
    });
    return { blocks, host, log, leases, files, file };
  }

  it('leases a block when there is no address, and has it on the disk before the daemon gives from it', async () => {
    const { blocks, log, files } = await setUp();
    expect(await blocks.reserve(BD, 'a')).toEqual({ address: 'a', mac: '', gateway: '' });
    expect(log).toEqual(['lease acme/default -', 'configured 1']);
    expect(await files.readText('/state/host')).toContain('10.32.0.0/30');
  });

  it('leases one block for many requests, and another when that is used up', async () => {
    const { blocks, log } = await setUp();
    await Promise.all(['a', 'b', 'c'].map((owner) => blocks.reserve(BD, owner)));
    expect(log.filter((line) => line.startsWith('lease'))).toEqual([
      'lease acme/default -',
      'lease acme/default 10.32.0.0/30',
    ]);
  });

  it('says why there is no address', async () => {
    const { blocks, leases } = await setUp();
    leases.length = 0;
    await expect(blocks.reserve(BD, 'a')).rejects.toThrow('the pool is empty');
  });

  it('does not give from a block that could not be written down', async () => {
    const { blocks, files, log } = await setUp();
    files.writeError = new Error('disk full');
    await expect(blocks.reserve(BD, 'a')).rejects.toThrow('disk full');
    expect(log).toEqual(['lease acme/default -']);
  });

  it('takes over what the inventory says, and tells the daemon only of news', async () => {
    const { blocks, host, log } = await setUp();
    const [first, second] = ['10.32.0.0/30', '10.32.0.4/30'].map((block) => ({ bridgeDomain: BD, block }));
    blocks.set([first!, second!]);
    blocks.set([second!, first!]);
    expect(log).toEqual(['configure']);
    // Another host has it by now.
    blocks.set([second!]);
    expect(log).toEqual(['configure', 'configure']);
    expect(host.value).toEqual({ blocks: [second], instances: {} });
  });

  it('takes a block once that it is told of and leases at the same time', async () => {
    const { blocks, host } = await setUp();
    const reserving = blocks.reserve(BD, 'a');
    blocks.set([{ bridgeDomain: BD, block: '10.32.0.0/30' }]);
    await reserving;
    expect(host.value.blocks).toEqual([{ bridgeDomain: BD, block: '10.32.0.0/30' }]);
  });
});

import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { checkMachine } from './machine';

describe('checkMachine', () => {
  it('asks for root', async () => {
    await expect(checkMachine(1000, '/usr/bin')).rejects.toMatchObject({
      code: 'forbidden',
      message: expect.stringMatching(/needs root: run the command again with sudo/),
    });
  });

  it('names the programs that are missing', async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'heddle-machine-'));
    try {
      for (const name of ['ip', 'nsenter', 'unshare', 'ethtool', 'nft']) {
        await writeFile(path.join(folder, name), '');
        await chmod(path.join(folder, name), 0o755);
      }
      await expect(checkMachine(0, `/no/such/folder:${folder}`)).rejects.toMatchObject({
        code: 'unavailable',
        retryable: false,
        message: expect.stringMatching(/^a lab needs ovsdb-tool, ovsdb-server, ovs-vswitchd, ovs-vsctl, dockerd, /),
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

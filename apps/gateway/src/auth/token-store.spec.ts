import { createHash } from 'node:crypto';
import { FakeClock, FakeFiles } from '@heddle/host';
import { silentLog } from '@heddle/service';
import { TokenStore } from './token-store';

const hash = (token: string): string => createHash('sha256').update(token).digest('hex');

describe('TokenStore', () => {
  const files = new FakeFiles();
  const clock = new FakeClock();
  const open = (): Promise<TokenStore> => TokenStore.open({ files, clock, log: silentLog(), folder: '/state' });
  const write = (tokens: object[]): Promise<void> =>
    files.writeAtomic('/state/tokens.json', JSON.stringify({ tokens }));

  it("makes the administrator's token once, and knows it again", async () => {
    const store = await open();
    const token = (await files.readText(store.adminTokenFile))?.trim() as string;
    expect(token).toMatch(/^heddle_[A-Za-z0-9_-]{43}$/);
    await expect(store.find(token)).resolves.toEqual({ principal: 'admin' });
    await expect((await open()).find(token)).resolves.toEqual({ principal: 'admin' });
    await expect(store.find(`${token}x`)).resolves.toBeUndefined();
    await expect(store.find('')).resolves.toBeUndefined();
  });

  it('knows further tokens by their hashes, and notices changes of the file', async () => {
    await write([{ sha256: hash('anna-token'), principal: 'user:anna', tenant: 'acme' }]);
    const store = await open();
    await expect(store.find('anna-token')).resolves.toEqual({ principal: 'user:anna', tenant: 'acme' });
    await write([{ sha256: hash('ci-token'), principal: 'ci' }]);
    await clock.advance(1_000);
    await expect(store.find('ci-token')).resolves.toEqual({ principal: 'ci' });
    await expect(store.find('anna-token')).resolves.toBeUndefined();
  });

  it('refuses a file that is wrong at the start, and keeps what it knows when it becomes wrong later', async () => {
    await write([{ sha256: hash('ci-token'), principal: 'ci' }]);
    const store = await open();
    await write([{ sha256: 'short', principal: 'ci' }]);
    await clock.advance(1_000);
    await expect(store.find('ci-token')).resolves.toEqual({ principal: 'ci' });
    await expect(open()).rejects.toMatchObject({
      code: 'invalid',
      message: expect.stringContaining('tokens[0].sha256'),
    });
  });
});

import { FakeFiles } from '@heddle/host';
import { ResolvFiles } from './resolv-files';

describe('ResolvFiles', () => {
  it('writes each file once, readable for whoever runs in the container, and again when it is not as it should be', async () => {
    const files = new FakeFiles();
    const resolv = new ResolvFiles(files, '/state/resolv');
    const file = await resolv.of('acme', 'shop');
    expect(file).toBe('/state/resolv/acme.shop.conf');
    expect(await files.readText(file)).toMatch(/^nameserver 169\.254\.1\.1\nsearch shop\.acme\.heddle/);
    expect(files.mode(file)).toBe(0o644);

    files.writeError = new Error('disk full');
    await resolv.of('acme', 'shop');
    delete files.writeError;
    await files.writeAtomic(file, 'nameserver 8.8.8.8\n');
    await resolv.of('acme', 'shop');
    expect(await files.readText(file)).not.toContain('8.8.8.8');
  });
});

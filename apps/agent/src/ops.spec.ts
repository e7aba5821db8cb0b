import { request } from 'node:http';
import { statSync } from 'node:fs';
import path from 'node:path';
import { listenOps, type OpsServer } from './ops';
import { temporaryFolder } from './testing/parts';

describe('the ops socket', () => {
  const socketPath = path.join(temporaryFolder(), 'ops');
  let server: OpsServer;
  beforeEach(async () => {
    server = await listenOps(
      socketPath,
      async (url) => {
        if (url === '/broken') throw new Error('a fault');
        return url === '/healthz' ? { status: 200, contentType: 'text/plain', body: 'ok' } : undefined;
      },
      () => undefined,
    );
  });
  afterEach(() => server.close());

  const get = (url: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const call = request({ socketPath, path: url }, (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (text: string) => (body += text));
        response.on('end', () => resolve(`${response.statusCode} ${body.trim()}`));
      });
      call.on('error', reject);
      call.end();
    });

  it.each([
    ['/healthz', '200 ok'],
    ['/healthz?verbose=1', '200 ok'],
    ['/none', '404 only /healthz, /readyz and /metrics are served here'],
    ['/broken', '500 Error: a fault'],
  ])('answers %s with %s', async (url, expected) => {
    expect(await get(url)).toBe(expected);
  });

  it('is for root alone, and for one process', async () => {
    expect(statSync(socketPath).mode & 0o777).toBe(0o600);
    await expect(listenOps(socketPath, async () => undefined, () => undefined)).rejects.toMatchObject({ code: 'conflict' }); // prettier-ignore
    expect(await get('/healthz')).toBe('200 ok');
  });
});

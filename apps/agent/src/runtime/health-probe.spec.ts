import { createServer, type Server } from 'node:http';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { freePort } from '@heddle/host';
import { checkHttp, checkTcp } from './health-probe';

const HOST = '127.0.0.1';

describe('health probes', () => {
  let http: Server;
  let port: number;
  beforeAll(async () => {
    http = createServer((request, response) => {
      if (request.url === '/slow') return;
      if (request.url === '/hangup') return void request.socket.destroy();
      response.statusCode = Number(request.url?.slice(1));
      response.end('x'.repeat(100_000));
    });
    await new Promise<void>((resolve) => http.listen(0, HOST, () => resolve()));
    port = (http.address() as AddressInfo).port;
  });
  afterAll(() => {
    http.closeAllConnections();
    http.close();
  });

  it.each([
    ['/200', true],
    ['/204', true],
    ['/301', true],
    ['/404', false],
    ['/500', false],
  ])('an answer to %s counts: %s', async (path, ok) => {
    expect(await checkHttp({ host: HOST, port, path }, 2_000)).toEqual({
      ok,
      detail: `${path} answers ${path.slice(1)}`,
    });
  });

  it('silence, a connection that is cut and a port that is closed count as failures, with what happened', async () => {
    expect(await checkHttp({ host: HOST, port, path: '/slow' }, 50)).toEqual({
      ok: false,
      detail: '/slow does not answer within 50 ms',
    });
    expect(await checkHttp({ host: HOST, port, path: '/hangup' }, 2_000)).toMatchObject({ ok: false });
    const closed = await freePort();
    expect(await checkHttp({ host: HOST, port: closed, path: '/' }, 2_000)).toMatchObject({
      ok: false,
      detail: expect.stringContaining('ECONNREFUSED'),
    });
    expect(await checkTcp({ host: HOST, port: closed }, 2_000)).toMatchObject({
      ok: false,
      detail: expect.stringContaining('ECONNREFUSED'),
    });
  });

  it('a TCP port that accepts counts', async () => {
    const server = createTcpServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => server.listen(0, HOST, () => resolve()));
    const tcpPort = (server.address() as AddressInfo).port;
    expect(await checkTcp({ host: HOST, port: tcpPort }, 2_000)).toEqual({
      ok: true,
      detail: `port ${tcpPort} answers`,
    });
    server.close();
  });
});

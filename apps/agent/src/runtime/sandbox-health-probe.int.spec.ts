import { createServer, type Server } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Server as TcpServer } from 'node:net';
import { ForkServer, freePort } from '@heddle/host';
import type { Health } from '@heddle/model';
import { sandboxHealthProbe } from './sandbox-health-probe';

const describeRoot = process.getuid?.() === 0 ? describe : describe.skip;
const HOST = '127.0.0.1';
/** As good as any for what happens in it; that it is entered is tested with a container. */
const SANDBOX = `/proc/${process.pid}/ns/net`;

describeRoot('health checks from inside a namespace', () => {
  const commands = new ForkServer();
  const { check } = sandboxHealthProbe(commands);
  const config: Health = { type: 'tcp', port: 'p', path: '/', intervalSeconds: 5, timeoutSeconds: 2, failures: 3 };
  const http = (port: number, path: string, timeoutSeconds = 2) =>
    check(SANDBOX, HOST, port, { ...config, type: 'http', path, timeoutSeconds });
  const tcp = (port: number, sandbox = SANDBOX) => check(sandbox, HOST, port, config);
  let server: Server;
  let raw: TcpServer;
  let port: number;
  let rawPort: number;
  let said = '';
  let heard = '';

  beforeAll(async () => {
    server = createServer((request, response) => {
      if (request.url === '/slow') return;
      if (request.url === '/hangup') return void request.socket.destroy();
      if (request.url === '/hints') response.writeEarlyHints({ link: '</a>; rel=preload' });
      response.statusCode = Number(request.url?.slice(1)) || 200;
      response.end('x'.repeat(100_000));
    });
    raw = createTcpServer((socket) => {
      // Whoever has heard enough resets the connection.
      socket.on('error', () => socket.destroy());
      heard = '';
      socket.on('data', (chunk: Buffer) => {
        heard += chunk.toString('utf8');
        if (heard.endsWith('\r\n\r\n')) socket.end(said);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, HOST, () => resolve()));
    await new Promise<void>((resolve) => raw.listen(0, HOST, () => resolve()));
    port = (server.address() as AddressInfo).port;
    rawPort = (raw.address() as AddressInfo).port;
  });
  afterAll(async () => {
    server.closeAllConnections();
    server.close();
    raw.close();
    await commands.close();
  });

  it.each([
    ['/200', true],
    ['/204', true],
    ['/301', true],
    ['/404', false],
    ['/500', false],
  ])('an answer to %s counts: %s', async (path, ok) => {
    expect(await http(port, path)).toEqual({ ok, detail: `${path} answers ${path.slice(1)}` });
  });

  it('take the final answer, not the hints before it', async () => {
    expect(await http(port, '/hints')).toEqual({ ok: true, detail: '/hints answers 200' });
  });

  it('do not wait for ever, and tell what did not answer', async () => {
    expect(await http(port, '/slow', 0.3)).toEqual({ ok: false, detail: '/slow does not answer within 300 ms' });
    expect(await http(port, '/hangup')).toMatchObject({ ok: false, detail: expect.stringMatching(/^\/hangup: /) });
    const closed = await freePort();
    expect(await tcp(closed)).toEqual({ ok: false, detail: `port ${closed}: Connection refused` });
    expect(await http(closed, '/x')).toEqual({ ok: false, detail: '/x: Connection refused' });
    expect(await tcp(port, '/run/netns/none')).toMatchObject({
      ok: false,
      detail: expect.stringContaining('/run/netns/none'),
    });
  });

  it('connect only, for TCP', async () => {
    expect(await tcp(rawPort)).toEqual({ ok: true, detail: `port ${rawPort} answers` });
  });

  it('believe nobody who does not speak HTTP', async () => {
    for (said of ['SSH-2.0-x\r\n', 'HTTP/1.1 okay\r\n\r\n', '', '\r\n', 'x'.repeat(10_000)])
      expect(await http(rawPort, '/x')).toMatchObject({ ok: false });
    said = 'HTTP/1.0 200\r\n\r\n';
    expect(await http(rawPort, '/x')).toEqual({ ok: true, detail: '/x answers 200' });
  });

  it('leave what a path says to the server', async () => {
    const path = '/x?a=$(kill $$)&b=`id`;%s%n"\'\\r';
    said = 'HTTP/1.1 204 No Content\r\n\r\n';
    expect(await http(rawPort, path)).toEqual({ ok: true, detail: `${path} answers 204` });
    expect(heard.split('\r\n').slice(0, 2)).toEqual([`GET ${path} HTTP/1.1`, `Host: ${HOST}:${rawPort}`]);
  });
});

import { createServer, type AddressInfo } from 'node:net';
import { SHOP } from './testing/cluster';
import { bench } from './testing/run';
import { withApi } from './testing/with-api';

const { api, run } = withApi();

async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe('exit status and errors', () => {
  it('6: nobody listens; the address is named, and what to do', async () => {
    const url = `http://127.0.0.1:${await closedPort()}`;
    const { code, err } = await bench().run(['get', 'hosts', '--api', url], { env: { HEDDLE_TOKEN: 't' } });
    expect(code).toBe(6);
    expect(err).toBe(
      `error: cannot reach ${url}: connection refused\n  start a server with "heddle server" or "heddle lab up", or pick another with "heddle context use NAME"\n`,
    );
  });

  it('6: there is no server to talk to', async () => {
    expect(await bench().run(['get', 'hosts'])).toEqual({
      code: 6,
      out: '',
      err: 'error: no server is known: none runs on this machine, and no context is in use\n  start a server with "heddle server" or "heddle lab up", or pick another with "heddle context use NAME"\n',
    });
  });

  it('6: the server cannot serve now', async () => {
    api().intercept = () => ({
      status: 503,
      body: { code: 'unavailable', message: 'the store does not answer', retryable: true },
    });
    expect(await run(['get', 'hosts'])).toEqual({ code: 6, out: '', err: 'error: the store does not answer\n' });
  });

  it('1: the token is not known', async () => {
    const { code, err } = await run(['get', 'hosts'], { env: { HEDDLE_API: api().url, HEDDLE_TOKEN: 'wrong' } });
    expect([code, err]).toEqual([1, 'error: this token is not known\n']);
  });

  it('1: something else answers', async () => {
    api().intercept = () => ({ status: 502, body: '<html>bad gateway</html>' });
    expect((await run(['get', 'hosts'])).err).toBe(
      'error: the server answered with status 502: <html>bad gateway</html>\n',
    );
  });

  it('4: not found', async () => {
    expect((await run(['get', 'host', 'h9'])).code).toBe(4);
  });

  it('5: it changed meanwhile', async () => {
    api().load(SHOP);
    api().intercept = ({ method }) =>
      method === 'POST'
        ? { status: 409, body: { code: 'conflict', message: 'it changed', retryable: false } }
        : undefined;
    expect((await run(['scale', 'web', '2'])).code).toBe(5);
  });

  it('2: a wrong command line, without asking anybody', async () => {
    for (const words of [
      ['frobnicate'],
      ['get'],
      ['get', 'hosts', '--nope'],
      ['apply'],
      ['apply', '-f', '/none.yaml'],
      [],
      ['completion', 'csh'],
    ]) {
      expect([words, (await run(words)).code]).toEqual([words, 2]);
    }
    expect(api().requests).toEqual([]);
  });

  it('0: help and version', async () => {
    const help = await run(['--help']);
    expect([help.code, help.out.includes('Exit status:')]).toEqual([0, true]);
    expect(await run(['--version'])).toEqual({ code: 0, out: '0.1.0\n', err: '' });
  });
});

describe('store accept', () => {
  it('goes on with an older store', async () => {
    api().intercept = ({ path }) => (path === '/store/accept' ? { status: 200, body: { position: 3 } } : undefined);
    expect((await run(['store', 'accept'])).out).toBe('the store is accepted as it is, at position 3\n');
  });
});

describe('schema', () => {
  it('prints the schema of a kind without a server', async () => {
    const { code, out } = await bench().run(['schema', 'app']);
    expect([code, (JSON.parse(out) as { title: string }).title]).toEqual([0, 'App']);
  });
});

describe('context', () => {
  it('keeps servers by name and uses the current one', async () => {
    const place = bench();
    await place.files.writeAtomic('/t', api().token);
    const first = await place.run(['context', 'set', 'here', '--api', `${api().url}/`, '--token-file', '/t']);
    expect([first.code, first.out]).toEqual([0, 'using here\n']);
    expect((await place.run(['get', 'hosts'])).code).toBe(0);
    await place.run(['context', 'set', 'there', '--api', 'http://there:1', '--tenant', 'acme']);
    await place.run(['context', 'use', 'here']);
    expect((await place.run(['context'])).out.split('\n')).toEqual([
      '   NAME   API'.padEnd(api().url.length + 12) + 'TENANT  TOKEN FILE',
      `*  here   ${api().url}  -       /t`,
      `   there  ${'http://there:1'.padEnd(api().url.length)}  acme    -`,
      '',
    ]);
    expect((await place.run(['context', 'use', 'nowhere'])).code).toBe(2);
  });
});

describe('completion', () => {
  const complete = async (...words: string[]) => (await run(['__complete', ...words])).out.split('\n').filter(Boolean);

  beforeEach(() => api().load(SHOP));

  it('offers commands, options and kinds', async () => {
    expect(await complete('de')).toEqual(['delete', 'describe']);
    expect(await complete('lab', '')).toEqual(['down', 'host', 'server', 'status', 'up']);
    expect(await complete('get', 'h')).toEqual(['hosts']);
    expect(await complete('get', 'hosts', '--all')).toEqual(['--all-tenants']);
    expect(await complete('get', 'hosts', '-o', 'j')).toEqual(['json']);
  });

  it('offers the objects that there are', async () => {
    expect(await complete('get', 'services', 'acme/shop/w')).toEqual(['acme/shop/web']);
    expect(await complete('scale', '')).toEqual(['acme/shop/api', 'acme/shop/web']);
    expect(await complete('--tenant', 'a')).toEqual(['acme']);
  });

  it('offers nothing, and says nothing, when there is no server', async () => {
    expect(await bench().run(['__complete', 'scale', ''])).toEqual({ code: 0, out: '', err: '' });
  });

  it.each(['bash', 'zsh', 'fish'])('has a script for %s', async (shell) => {
    expect((await run(['completion', shell])).out).toContain('heddle __complete');
  });
});

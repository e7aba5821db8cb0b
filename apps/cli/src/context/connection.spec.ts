import { FakeFiles } from '@heddle/host';
import { resolveConnection, type ConnectionOptions } from './connection';
import { ContextStore, contextsFile } from './contexts';

const FILE = '/home/user/.config/heddle/contexts.json';
let files: FakeFiles;
let store: ContextStore;

beforeEach(async () => {
  files = new FakeFiles();
  store = new ContextStore(files, FILE);
  await files.writeAtomic('/t/demo', 'demo-token\n');
  await files.writeAtomic('/t/other', 'other-token\n');
  await store.put('other', { api: 'http://other:1', tokenFile: '/t/other' });
  await store.put('demo', { api: 'http://demo:1', tokenFile: '/t/demo', tenant: 'acme' });
});

const connect = (options: ConnectionOptions = {}, env: NodeJS.ProcessEnv = {}) =>
  resolveConnection(options, { env, home: '/home/user', userId: 1000 }, store, files);

describe('resolveConnection', () => {
  it('uses the current context', async () => {
    await expect(connect()).resolves.toEqual({
      api: 'http://demo:1',
      token: 'demo-token',
      tenant: 'acme',
      context: 'demo',
    });
  });

  it('prefers a named context, the option before the environment', async () => {
    await expect(connect({}, { HEDDLE_CONTEXT: 'other' })).resolves.toMatchObject({ api: 'http://other:1' });
    await expect(connect({ context: 'demo' }, { HEDDLE_CONTEXT: 'other' })).resolves.toMatchObject({
      api: 'http://demo:1',
    });
  });

  it('prefers an address, the option before the environment', async () => {
    const env = { HEDDLE_API: 'http://env:1', HEDDLE_TOKEN: 't' };
    await expect(connect({}, env)).resolves.toMatchObject({ api: 'http://env:1', token: 't', tenant: undefined });
    await expect(connect({ api: 'http://option:1/' }, env)).resolves.toMatchObject({ api: 'http://option:1' });
  });

  it('prefers a context named on the command line to all of the environment', async () => {
    const env = { HEDDLE_API: 'http://env:1', HEDDLE_TOKEN: 't', HEDDLE_CONTEXT: 'other' };
    await expect(connect({ context: 'demo' }, env)).resolves.toMatchObject({
      api: 'http://demo:1',
      token: 'demo-token',
    });
  });

  it('never sends the token of a context to another address', async () => {
    await expect(connect({ api: 'http://elsewhere:1' })).rejects.toThrow('there is no token for http://elsewhere:1');
    await expect(connect({ api: 'http://elsewhere:1', context: 'demo' })).rejects.toThrow('there is no token');
  });

  it('knows the token of an address that a context has', async () => {
    await expect(connect({ api: 'http://other:1' })).resolves.toMatchObject({ token: 'other-token', context: 'other' });
  });

  it('lets the command line choose token and tenant', async () => {
    await files.writeAtomic('/t/mine', ' mine \n');
    await expect(connect({ tokenFile: '/t/mine', tenant: 'zeta' })).resolves.toMatchObject({
      token: 'mine',
      tenant: 'zeta',
    });
  });

  it('says what is wrong: a context that is not there, an address that is none, a token file that is missing', async () => {
    await expect(connect({ context: 'x' })).rejects.toThrow('no context is named "x"; there are demo, other');
    await expect(connect({ api: 'ftp://x' })).rejects.toThrow('found API address "ftp://x"');
    await files.remove('/t/demo');
    await expect(connect()).rejects.toMatchObject({ code: 'unauthenticated' });
  });
});

describe('without a context', () => {
  const local = (url: string) => JSON.stringify({ url, tokenFile: '/t/other', pid: 1 });
  beforeEach(() => store.remove('demo'));

  it("uses the server that runs on this machine, the user's own before the system's", async () => {
    await files.writeAtomic('/run/heddle/api.json', local('http://127.0.0.1:4280'));
    await expect(connect()).resolves.toMatchObject({ api: 'http://127.0.0.1:4280', token: 'other-token' });
    await files.writeAtomic('/home/user/.local/state/heddle/run/api.json', local('http://127.0.0.1:5'));
    await expect(connect()).resolves.toMatchObject({ api: 'http://127.0.0.1:5' });
    await files.writeAtomic('/run/user/1000/heddle/api.json', local('http://127.0.0.1:6'));
    await expect(connect({}, { XDG_RUNTIME_DIR: '/run/user/1000' })).resolves.toMatchObject({
      api: 'http://127.0.0.1:6',
    });
  });

  it('knows the token of that server also when its address is written out, and of no other', async () => {
    await files.writeAtomic('/run/heddle/api.json', local('http://127.0.0.1:4280'));
    await expect(connect({ api: 'http://127.0.0.1:4280' })).resolves.toMatchObject({ token: 'other-token' });
    await expect(connect({ api: 'http://127.0.0.1:4281' })).rejects.toThrow(
      'there is no token for http://127.0.0.1:4281',
    );
  });

  it('says so when there is no server at all', async () => {
    await expect(connect()).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/^no server is known/),
    });
  });
});

describe('ContextStore', () => {
  it('keeps its file to the user', () => {
    expect(files.mode(FILE)).toBe(0o600);
    expect(contextsFile({ XDG_CONFIG_HOME: '/x' }, '/home/user')).toBe('/x/heddle/contexts.json');
    expect(contextsFile({}, '/home/user')).toBe(FILE);
  });

  it('has no current context after that was removed, and keeps the others', async () => {
    await store.remove('demo');
    expect(await store.load()).toEqual({ contexts: { other: { api: 'http://other:1', tokenFile: '/t/other' } } });
    await store.use('other');
    expect((await store.load()).current).toBe('other');
  });

  it('refuses a damaged file instead of writing over it', async () => {
    await files.writeAtomic(FILE, '{"contexts": {"demo": {"api": 5}}}');
    await expect(store.put('x', { api: 'http://x' })).rejects.toMatchObject({ code: 'state' });
  });
});

import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { postsOf, type PlacedMo, type PresentMo, type Query } from '@heddle/apic';
import { FakeApic, TEST_CA, TEST_TLS, type FakeApicOptions, type RequestSeen } from '@heddle/fake-apic';
import { systemClock, waitFor, type Clock } from '@heddle/host';
import { ApicClient, type ApicClientOptions } from './client';
import type { Feed } from './feed';

const WITHIN = { deadlineMs: 10_000, what: 'it', intervalMs: 10 };
const ANNOTATION = 'orchestrator:heddle';
const TENANTS: Query = { type: 'ours', class: 'fvTenant', annotation: ANNOTATION };

describe('ApicClient', () => {
  let apic: FakeApic;
  const closing: { close(): void }[] = [];
  /** Milliseconds that the client believes to be later than it is. */
  let skewMs = 0;
  const clock: Clock = { ...systemClock, monotonic: () => systemClock.monotonic() + skewMs };

  const start = async (options: FakeApicOptions = {}): Promise<FakeApic> => (apic = await FakeApic.start(options));
  const client = (over: Partial<ApicClientOptions> = {}): ApicClient => {
    const made = new ApicClient({
      controllers: apic.urls,
      user: 'heddle',
      credentials: async () => ({ password: 'secret' }),
      clock,
      deadlineMs: 2_000,
      ...over,
    });
    closing.push(made);
    return made;
  };
  const tenant = (name: string, more: object = {}): void =>
    apic.change(`uni/tn-${name}`, { fvTenant: { attributes: { name, annotation: ANNOTATION, ...more } } });
  const seen = (path: string): RequestSeen[] =>
    apic.controllers.flatMap(({ requests }) => requests.filter((request) => request.path === path));

  afterEach(async () => {
    for (const made of closing.splice(0)) made.close();
    await apic.stop();
  });

  describe('sessions', () => {
    it('log in once, however many requests begin at once', async () => {
      await start();
      const made = client();
      await Promise.all(Array.from({ length: 5 }, () => made.read(TENANTS)));
      expect(apic.first.sessions.logins).toBe(1);
      expect(made.controller).toBe(apic.first.url);
    });

    it('are refreshed before their token expires', async () => {
      await start({ tokenSeconds: 300 });
      const made = client();
      for (let i = 0; i < 4; i++) {
        await made.read(TENANTS);
        skewMs += 190_000;
      }
      expect(apic.first.sessions).toMatchObject({ logins: 1, refreshes: 3 });
    });

    it('begin anew when the token is not taken any more', async () => {
      await start();
      const made = client();
      await made.read(TENANTS);
      apic.first.sessions.expireAll();
      await expect(made.read(TENANTS)).resolves.toEqual([]);
      expect(apic.first.sessions.logins).toBe(2);
    });

    it('begin anew when they cannot be refreshed any longer', async () => {
      await start({ maximumSeconds: -1 });
      const made = client();
      await made.read(TENANTS);
      skewMs += 190_000;
      await expect(made.read(TENANTS)).resolves.toEqual([]);
      expect(apic.first.sessions).toMatchObject({ logins: 2, refreshes: 1 });
    });

    it('take a wrong password for what it is, ask no other controller, and never tell it', async () => {
      await start({ controllers: 2 });
      const error = await client({ credentials: async () => ({ password: 'wr0ng' }) }).read(TENANTS).catch((e: unknown) => e); // prettier-ignore
      expect(error).toMatchObject({
        code: 'unauthenticated',
        message: expect.stringContaining('login of heddle: answered 401, Username or password is incorrect'),
      });
      expect(String((error as Error).message)).not.toContain('wr0ng');
      expect(seen('/api/aaaLogin.json')).toHaveLength(1);
    });

    it('read the password anew for each login', async () => {
      await start();
      let password = 'old';
      const made = client({ credentials: async () => ({ password }) });
      await expect(made.read(TENANTS)).rejects.toMatchObject({ code: 'unauthenticated' });
      password = 'secret';
      await expect(made.read(TENANTS)).resolves.toEqual([]);
    });

    it('do not take what is forbidden for a matter of the token twice', async () => {
      await start();
      const made = client();
      await made.read(TENANTS);
      apic.breakDown(({ path }) => (path.startsWith('/api/mo/') ? { status: 403, text: 'not allowed' } : undefined));
      const post = { dn: 'uni/tn-a', body: { fvTenant: { attributes: { name: 'a' } } }, changes: 1 };
      await expect(made.post(post)).rejects.toMatchObject({
        code: 'forbidden',
        message: expect.stringContaining('not allowed (code 403)'),
      });
      expect(apic.first.sessions.logins).toBe(2);
    });
  });

  describe('of several controllers', () => {
    it('uses one that answers, and the next when it is gone', async () => {
      await start({ controllers: 3 });
      await apic.first.stop();
      const made = client();
      await made.read(TENANTS);
      expect(made.controller).toBe(apic.controllers[1]?.url);
      tenant('a');
      await apic.controllers[1]?.stop();
      expect(await made.read(TENANTS)).toMatchObject([{ dn: 'uni/tn-a' }]);
      expect(made.controller).toBe(apic.controllers[2]?.url);
    });

    it('goes on to the next when one hangs or breaks off', async () => {
      await start({ controllers: 2 });
      const made = client({ deadlineMs: 300 });
      await made.read(TENANTS);
      apic.first.fault = () => 'hang';
      await made.read(TENANTS);
      expect(made.controller).toBe(apic.controllers[1]?.url);
      apic.first.fault = () => undefined;
      (apic.controllers[1] as FakeApic['first']).fault = () => 'reset';
      await made.read(TENANTS);
      expect(made.controller).toBe(apic.first.url);
    });

    it('says why none takes a login', async () => {
      await start({ controllers: 2 });
      const [first, second] = apic.controllers as [FakeApic['first'], FakeApic['first']];
      first.fault = () => ({ status: 503 });
      await second.stop();
      await expect(client().read(TENANTS)).rejects.toMatchObject({
        code: 'unavailable',
        message: `no controller takes a login: ${first.url}: login of heddle: answered 503, Service Unavailable (code 503); ${second.url} cannot be reached: ECONNREFUSED`,
      });
    });

    it('gives up at its deadline when all hang', async () => {
      await start();
      apic.breakDown(() => 'hang');
      await expect(client({ deadlineMs: 200 }).read(TENANTS)).rejects.toMatchObject({ code: 'unavailable' });
    });
  });

  describe('reading', () => {
    it('has all pages, and objects of our annotation only', async () => {
      await start();
      for (let i = 0; i < 25; i++) tenant(`t${i}`);
      apic.change('uni/tn-theirs', { fvTenant: { attributes: { name: 'theirs' } } });
      const found = await client({ pageSize: 10 }).read(TENANTS);
      expect(found.map(({ dn }) => dn).sort()).toEqual(apic.marked(ANNOTATION));
      expect(seen('/api/class/fvTenant.json').map(({ parameters }) => parameters['page'])).toEqual(['0', '1', '2']);
    });

    it('is refused when objects change between two pages', async () => {
      await start();
      for (let i = 0; i < 20; i++) tenant(`t${String(i).padStart(2, '0')}`);
      apic.breakDown(({ parameters }) => {
        if (parameters['page'] === '1') apic.remove('uni/tn-t00');
        return undefined;
      });
      await expect(client({ pageSize: 10 }).read(TENANTS)).rejects.toMatchObject({ code: 'conflict', retryable: true });
    });

    it('has what is below an object, by whomever it is, without what is made by itself elsewhere', async () => {
      await start();
      tenant('a');
      apic.change('uni/tn-a/BD-b', { fvBD: { attributes: { name: 'b' } } });
      const found = await client().read({ type: 'subtree', dn: 'uni/tn-a' });
      expect(found.map(({ dn, class: name }) => [dn, name])).toEqual([
        ['uni/tn-a', 'fvTenant'],
        ['uni/tn-a/BD-b', 'fvBD'],
        ['uni/tn-a/BD-b/rsctx', 'fvRsCtx'],
      ]);
      expect(found[1]?.attributes).toMatchObject({ name: 'b', unicastRoute: 'yes', annotation: '' });
      await expect(client().read({ type: 'subtree', dn: 'uni/tn-none' })).resolves.toEqual([]);
    });

    it('takes what is no APIC for what it is', async () => {
      await start();
      const other = http.createServer((_request, response) => void response.end('<html>hello</html>'));
      await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
      closing.push(other);
      const { port } = other.address() as AddressInfo;
      await expect(client({ controllers: [`http://127.0.0.1:${port}`] }).read(TENANTS)).rejects.toMatchObject({
        code: 'unavailable',
        message: expect.stringContaining('not that of an APIC'),
      });
    });
  });

  describe('posting', () => {
    const post = (dn: string, name: string, attributes: Record<string, string>, children: object[] = []): never =>
      ({ dn, body: { [name]: { attributes, children } }, changes: 1 }) as never;

    it('merges, and is all or nothing', async () => {
      await start();
      const made = client();
      await made.post(post('uni/tn-a', 'fvTenant', { dn: 'uni/tn-a', annotation: ANNOTATION }));
      await made.post(post('uni/tn-a', 'fvTenant', { dn: 'uni/tn-a', descr: 'a' }));
      expect(apic.get('uni/tn-a')?.attributes).toMatchObject({ annotation: ANNOTATION, descr: 'a' });
      const children = [{ fvAp: { attributes: { name: 'x' } } }, { fvAp: { attributes: { name: 'y', descr: 'ü' } } }];
      await expect(made.post(post('uni/tn-a', 'fvTenant', {}, children))).rejects.toMatchObject({
        code: 'refused',
        message: expect.stringContaining("mo/uni/tn-a.json: answered 400, property descr of ap-y failed validation for value 'ü' (code 801)"),
      }); // prettier-ignore
      expect(apic.get('uni/tn-a/ap-x')).toBeUndefined();
    });

    it('carries out what a plan says, with names in brackets', async () => {
      await start();
      const made = client();
      const object: PlacedMo = {
        dn: 'uni/infra/vlanns-[a]-static',
        class: 'fvnsVlanInstP',
        attributes: { name: 'a', allocMode: 'static', annotation: ANNOTATION },
        root: 'uni/infra/vlanns-[a]-static',
      };
      const roots = [{ class: object.class, attributes: object.attributes, children: [] }];
      for (const p of postsOf({ creations: [object], modifications: [] }, [], { roots, present: new Map() })) await made.post(p); // prettier-ignore
      const [found] = await made.read({ type: 'subtree', dn: object.dn });
      expect(found).toMatchObject({ dn: object.dn, attributes: object.attributes });
      const present = new Map([[object.dn, found as PresentMo]]);
      for (const p of postsOf({ creations: [], modifications: [] }, [found as PresentMo], { roots: [], present })) await made.post(p); // prettier-ignore
      expect(apic.get(object.dn)).toBeUndefined();
    });
  });

  describe('over TLS', () => {
    it('takes a controller by its certificate only', async () => {
      await start({ tls: TEST_TLS });
      await expect(client().read(TENANTS)).rejects.toMatchObject({
        code: 'unavailable',
        message: expect.stringMatching(/cannot be reached: .*(certificate|issuer)/i),
      });
      const made = client({ credentials: async () => ({ password: 'secret', ca: TEST_CA }) });
      await expect(made.read(TENANTS)).resolves.toEqual([]);
      const told: string[] = [];
      closing.push(await made.follow(ANNOTATION, { onChange: (dns) => told.push(...dns), onLost: () => undefined }));
      tenant('a');
      await waitFor(() => told.includes('uni/tn-a'), WITHIN);
    });
  });

  describe('following', () => {
    const follow = async (made: ApicClient): Promise<{ feed: Feed; told: string[]; lost: string[] }> => {
      const told: string[] = [];
      const lost: string[] = [];
      const feed = await made.follow(ANNOTATION, {
        onChange: (dns) => told.push(...dns),
        onLost: (why) => lost.push(why.message),
      });
      closing.push(feed);
      return { feed, told, lost };
    };

    it('tells what changes of ours, from when it is open', async () => {
      await start();
      const { told } = await follow(client());
      tenant('a');
      apic.change('uni/tn-theirs', { fvTenant: { attributes: { name: 'theirs' } } });
      tenant('a', { descr: 'changed' });
      apic.remove('uni/tn-a');
      await waitFor(() => told.length >= 3, WITHIN);
      expect(told).toEqual(['uni/tn-a', 'uni/tn-a', 'uni/tn-a']);
    });

    it('refreshes its subscriptions, also past the life of a token', async () => {
      await start({ subscriptionSeconds: 1, tokenSeconds: 1 });
      const { told, lost } = await follow(client({ refreshMs: 200 }));
      await waitFor(() => apic.first.sessions.refreshes >= 3, WITHIN);
      tenant('a');
      await waitFor(() => told.includes('uni/tn-a'), WITHIN);
      expect(lost).toEqual([]);
    });

    it.each<[string, (apic: FakeApic) => unknown, RegExp]>([
      ['subscriptions expire', ({ first }) => first.subscriptions.expireAll(), /unknown subscription/],
      ['the socket breaks', ({ first }) => first.subscriptions.breakSockets(), /web socket/],
      ['the session ends', ({ first }) => first.sessions.expireAll(), /Token was invalid/],
      ['the controller goes away', ({ first }) => first.stop(), /web socket/],
      [
        'refreshing fails',
        (a) => a.breakDown(({ path }) => (/Refresh/.test(path) ? { status: 503 } : undefined)),
        /503/,
      ],
    ])('is lost, once, when %s', async (_what, breakIt, why) => {
      await start();
      const { lost } = await follow(client({ refreshMs: 100 }));
      await breakIt(apic);
      await waitFor(() => lost.length > 0 && apic.first.subscriptions.connected === 0, WITHIN);
      expect(lost).toEqual([expect.stringMatching(why)]);
    });

    it('is lost when the peer is gone without a word', async () => {
      await start();
      const { lost } = await follow(client({ pingMs: 100 }));
      apic.first.pause();
      await waitFor(() => lost.length > 0, WITHIN);
      expect(lost).toEqual([expect.stringContaining('does not answer on the web socket')]);
      apic.first.resume();
    });

    it('does not begin without the socket, or without all subscriptions', async () => {
      await start();
      apic.breakDown(({ path }) => (path === '/socket' ? { status: 403 } : undefined));
      await expect(follow(client())).rejects.toMatchObject({ code: 'unavailable' });
      apic.breakDown(({ path }) => (path.includes('vzBrCP') ? { status: 503 } : undefined));
      await expect(follow(client())).rejects.toMatchObject({ code: 'unavailable' });
      await waitFor(() => apic.first.subscriptions.connected === 0, WITHIN);
    });

    it('ends quietly when it is closed', async () => {
      await start();
      const { feed, lost } = await follow(client());
      feed.close();
      await waitFor(() => apic.first.subscriptions.connected === 0, WITHIN);
      expect(lost).toEqual([]);
    });
  });
});

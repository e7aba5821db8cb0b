import { createHash } from 'node:crypto';
import { FakeFiles } from '@heddle/host';
import request from 'supertest';
import type { ApiClient } from '../testing/api-client';
import type { FakeOwners } from '../testing/fake-owners';
import { SHOP } from '../testing/files';
import { startWithOwners, type TestGateway } from '../testing/test-gateway';

const TOKENS = {
  tokens: [
    { sha256: createHash('sha256').update('acme-token').digest('hex'), principal: 'user:anna', tenant: 'acme' },
    { sha256: createHash('sha256').update('other-token').digest('hex'), principal: 'user:otto', tenant: 'other' },
  ],
};
const filter = (tenant: string): object => ({
  kind: 'Filter',
  metadata: { tenant, name: 'any' },
  spec: { entries: [{ name: 'any' }] },
});

describe('access', () => {
  let gateway: TestGateway;
  let owners: FakeOwners;
  let admin: ApiClient;
  let anna: ApiClient;
  let otto: ApiClient;

  beforeAll(async () => {
    const files = new FakeFiles();
    await files.writeAtomic('/state/tokens.json', JSON.stringify(TOKENS));
    ({ gateway, owners } = await startWithOwners({ files }));
    [admin, anna, otto] = [gateway.api(), gateway.api('acme-token'), gateway.api('other-token')];
    await admin.apply(`${SHOP}---\nkind: Tenant\nmetadata: { name: other }\n`).expect(200);
  });
  afterAll(async () => {
    await owners.close();
    await gateway.stop();
  });

  it('rules are asked for by contract or cookie, and those of one tenant see no others', async () => {
    const asked = (): unknown => owners.rulesAsked.splice(0);
    await admin.get('/api/v1/rules?contract=acme/shop--web--api--http').expect(200, { items: [], total: 0 });
    await admin.get('/api/v1/rules?cookie=0x4845abcdef012345').expect(200);
    await anna.get('/api/v1/rules?contract=other/x').expect(200);
    expect(asked()).toEqual([
      { contract: 'acme/shop--web--api--http' },
      { cookie: '0x4845abcdef012345' },
      { contract: 'other/x', tenant: 'acme' },
    ]);
    await admin.get('/api/v1/rules').expect(422, /name a contract/);
    await admin.get('/api/v1/rules?contract=x').expect(422, /found contract/);
    await admin.get('/api/v1/rules?cookie=4845').expect(422, /found cookie/);
    expect(asked()).toEqual([]);
  });

  it('needs a token everywhere but for health, metrics and the description', async () => {
    for (const path of [
      '/api/v1/tenants',
      '/api/v1/status',
      '/api/v1/schema',
      '/api/v1/changes',
      '/api/v1/events/stream',
    ]) {
      const answer = await request(gateway.url).get(path).expect(401);
      expect(answer.body).toMatchObject({ code: 'unauthenticated', retryable: false });
      expect(answer.headers['www-authenticate']).toBe('Bearer realm="heddle"');
    }
    await request(gateway.url)
      .get('/api/v1/tenants')
      .set('authorization', 'Bearer wrong')
      .expect(401, /not known/);
    await request(gateway.url).get('/api/v1/tenants').set('authorization', `Basic ${gateway.token}`).expect(401);
    await request(gateway.url).get('/healthz').expect(200, { status: 'alive' });
    await request(gateway.url).get('/readyz').expect(200);
    await request(gateway.url)
      .get('/metrics')
      .expect(200, /heddle_http_request_seconds/);
    await request(gateway.url)
      .get('/api/docs/')
      .expect(200, /Heddle API/);
    await request(gateway.url).get('/api/openapi.json').expect(200);
  });

  describe('of a caller who is limited to a tenant', () => {
    it('shows what belongs to that tenant, as if there were nothing else', async () => {
      expect(
        (await anna.get('/api/v1/tenants')).body.items.map((o: { metadata: { name: string } }) => o.metadata.name),
      ).toEqual(['acme']);
      expect((await anna.get('/api/v1/apps')).body.items).toHaveLength(1);
      expect((await otto.get('/api/v1/apps')).body.items).toHaveLength(0);
      expect((await otto.get('/api/v1/domains')).body.items).toHaveLength(0);
      const missing = await otto.get('/api/v1/apps/acme/shop').expect(404);
      const never = await otto.get('/api/v1/apps/acme/never').expect(404);
      expect(missing.body.message.replace('shop', 'never')).toBe(never.body.message);
      await otto.post('/api/v1/services/acme/shop/web/scale', { replicas: 1 }).expect(404);
      await otto.post('/api/v1/probe', { tenant: 'acme', application: 'shop' }).expect(404);
    });

    it('lets the caller change only what is in it', async () => {
      await anna.apply([filter('acme')] as unknown as object).expect(200);
      await anna.apply([filter('other')] as unknown as object).expect(403);
      await anna
        .put('/api/v1/domains/lan', { kind: 'Domain', metadata: { name: 'lan' }, spec: { driver: 'ovs' } })
        .expect(403);
      await anna.delete('/api/v1/tenants/acme').expect(403);
      await anna.post('/api/v1/hosts/h1/credentials').expect(403);
      await anna.post('/api/v1/store/accept').expect(403);
      await anna.get('/api/v1/fabrics/aci/status').expect(403);
      await anna.get('/api/v1/fabrics/aci/plan').expect(403);
      await anna.post('/api/v1/fabrics/aci/confirm', { digest: 'x' }).expect(403);
    });

    it('shows its part of the history only, and takes back nothing else', async () => {
      const all = (await admin.get('/api/v1/changes')).body.items;
      const [own] = (await otto.get('/api/v1/changes')).body.items;
      expect(own.changed.every(({ key }: { key: string }) => key.split('/')[1] === 'other')).toBe(true);
      const domain = all.at(-1);
      await otto.get(`/api/v1/changes/${domain.position}`).expect(404);
      const back = await otto.post(`/api/v1/changes/${domain.position}/rollback?dryRun=true`);
      expect(JSON.stringify(back.body)).not.toContain('acme');
      await anna.post(`/api/v1/changes/${own.position}/rollback?tenant=other`).expect(403);
      await admin.post(`/api/v1/changes/${own.position}/rollback?application=shop`).expect(422, /without tenant/);
    });

    it('shows its events only', async () => {
      await admin.apply([filter('other')] as unknown as object).expect(200);
      await otto.get('/api/v1/events?tenant=acme').expect(403);
      const { body } = await anna.get('/api/v1/events').expect(200);
      expect(new Set(body.items.map((e: { tenant: string }) => e.tenant))).toEqual(new Set(['acme']));
    });
  });

  it('keeps an idempotency key of one caller from telling another what was changed', async () => {
    await anna
      .apply([filter('acme')] as unknown as object)
      .set('idempotency-key', 'k1')
      .expect(200);
    await admin
      .put('/api/v1/filters/acme/any', { ...filter('acme'), spec: { entries: [{ name: 'x' }] } })
      .set('idempotency-key', 'k2')
      .expect(200);
    await anna
      .put('/api/v1/filters/acme/any', filter('acme'))
      .set('idempotency-key', 'k2')
      .expect(409, /another caller/);
  });

  describe('answers', () => {
    it("carry a request id, the caller's own if it sends one", async () => {
      expect((await admin.get('/api/v1/tenants')).headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
      expect((await admin.get('/api/v1/tenants').set('x-request-id', 'abc-1')).headers['x-request-id']).toBe('abc-1');
      expect((await admin.get('/api/v1/tenants').set('x-request-id', 'a b')).headers['x-request-id']).not.toBe('a b');
    });

    it('let no other site read them, and a browser do nothing with them', async () => {
      const { headers } = await admin.get('/api/v1/tenants').set('origin', 'https://evil.example');
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
        'cache-control': 'no-store',
      });
      expect(headers).not.toHaveProperty('access-control-allow-origin');
      expect(headers).not.toHaveProperty('x-powered-by');
    });

    it('hide faults of ours behind the request id', async () => {
      owners.services = null as never;
      const { body } = await admin.get('/api/v1/changes/2/status').set('x-request-id', 'r-42').expect(500);
      expect(body).toEqual({ code: 'internal', message: expect.stringContaining('r-42'), retryable: false });
      owners.services = [];
    });
  });

  it('describes every kind and every action', async () => {
    const { body } = await request(gateway.url).get('/api/openapi.json').expect(200);
    expect(body.openapi).toBe('3.1.0');
    expect(Object.keys(body.paths)).toEqual(
      expect.arrayContaining([
        '/api/v1/services/{tenant}/{application}/{name}',
        '/api/v1/services/{tenant}/{application}/{name}/scale',
        '/api/v1/hosts/{name}',
        '/api/v1/apply',
        '/api/v1/changes/{position}/rollback',
        '/api/v1/fabrics/{name}/plan',
        '/api/v1/fabrics/{name}/confirm',
      ]),
    );
    expect(body.paths['/api/v1/allocations/{tenant}/{application}/{name}']).not.toHaveProperty('put');
    const referred = JSON.stringify(body).matchAll(/#\/components\/schemas\/([A-Za-z]+)/g);
    for (const [, name] of referred) expect(body.components.schemas).toHaveProperty(name as string);
  });

  it('describes the parameters of every change, and no others', async () => {
    const { body } = await request(gateway.url).get('/api/openapi.json').expect(200);
    const parametersOf = (path: string, method = 'post', place = 'query'): string[] =>
      (body.paths[path][method].parameters ?? [])
        .filter((p: { in: string }) => p.in === place)
        .map((p: { name: string }) => p.name);
    const service = '/api/v1/services/{tenant}/{application}/{name}';
    for (const path of ['/api/v1/apply', '/api/v1/delete', `${service}/scale`, `${service}/restart`]) {
      expect([path, parametersOf(path)]).toEqual([path, ['dryRun']]);
    }
    for (const path of ['/api/v1/apply', `${service}/restart`, '/api/v1/changes/{position}/rollback']) {
      expect([path, parametersOf(path, 'post', 'header')]).toEqual([path, ['Idempotency-Key']]);
    }
    for (const method of ['put', 'delete']) expect(parametersOf(service, method)).toEqual(['dryRun']);
    expect(parametersOf('/api/v1/changes/{position}/rollback').sort()).toEqual(['application', 'dryRun', 'tenant']);
    for (const path of [
      '/api/v1/plan',
      '/api/v1/probe',
      '/api/v1/store/accept',
      '/api/v1/hosts/{name}/credentials',
      '/api/v1/fabrics/{name}/confirm',
    ]) {
      expect([path, parametersOf(path)]).toEqual([path, []]);
    }
  });

  it('gives the schemas of all kinds and of one', async () => {
    expect((await admin.get('/api/v1/schema')).body.oneOf).toHaveLength(12);
    expect((await admin.get('/api/v1/schema/app')).body.title).toBe('App');
    await admin.get('/api/v1/schema/nothing').expect(404, /there are Tenant/);
  });
});

import type { EndpointView, FabricStatus, HostView, ServiceView } from '@heddle/model';
import type { Test } from 'supertest';
import type { ApiClient } from '../testing/api-client';
import type { FakeOwners } from '../testing/fake-owners';
import { SHOP, TENANT } from '../testing/files';
import { startWithOwners, type TestGateway } from '../testing/test-gateway';

const filter = (name: string, labels: Record<string, string> = {}): object => ({
  kind: 'Filter',
  metadata: { tenant: 'acme', name, labels },
  spec: { entries: [{ name: 'any' }] },
});

describe('objects', () => {
  let gateway: TestGateway;
  let owners: FakeOwners;
  let api: ApiClient;

  beforeEach(async () => {
    ({ gateway, owners } = await startWithOwners());
    api = gateway.api();
  });
  afterEach(async () => {
    await owners.close();
    await gateway.stop();
  });

  it('a new cluster begins with a domain', async () => {
    const { body } = await api.get('/api/v1/domains').expect(200);
    expect(body).toMatchObject({
      kind: 'DomainList',
      items: [{ metadata: { name: 'default' }, spec: { driver: 'ovs' } }],
    });
    const history = await api.get('/api/v1/changes').expect(200);
    expect(history.body.items).toEqual([
      expect.objectContaining({ by: { principal: 'system' }, changed: [{ key: 'Domain/default', action: 'created' }] }),
    ]);
  });

  it('a file is applied as one change, shown at once, and changes nothing the second time', async () => {
    const { body } = await api.apply(SHOP).expect(200);
    expect(body.changed).toContainEqual({ key: 'App/acme/shop', action: 'created' });
    expect(body.changed).toContainEqual({ key: 'Service/acme/shop/web', action: 'created' });
    const shown = await api.get('/api/v1/services/acme/shop/web').expect(200);
    expect(shown.body).toMatchObject({ spec: { replicas: 3 }, metadata: { revision: body.position, generated: true } });
    expect(shown.headers['etag']).toBe(`"${body.position}"`);
    expect(owners.checked.map((c) => c.basePosition)).toEqual([
      body.position - 1,
      body.position - 1,
      body.position - 1,
    ]);
    expect((await api.apply(SHOP).expect(200)).body).toEqual({ position: body.position, changed: [] });
  });

  it('are put, replaced and deleted one by one', async () => {
    await api.apply(TENANT);
    const created = await api.put('/api/v1/filters/acme/web', filter('web')).expect(200);
    expect(created.body).toMatchObject({
      changed: [{ key: 'Filter/acme/web', action: 'created' }],
      object: { metadata: { name: 'web', revision: created.body.position, generation: 1 } },
    });
    const updated = await api.put('/api/v1/filters/acme/web', filter('web', { tier: 'a' })).expect(200);
    expect(updated.body.changed).toEqual([{ key: 'Filter/acme/web', action: 'updated' }]);
    const deleted = await api.delete('/api/v1/filters/acme/web').expect(200);
    expect(deleted.body).toMatchObject({ changed: [{ key: 'Filter/acme/web', action: 'deleted' }] });
    await api.get('/api/v1/filters/acme/web').expect(404);
    await api.delete('/api/v1/filters/acme/web').expect(404);
  });

  it('are put only where the path says', async () => {
    await api.put('/api/v1/filters/acme/web', filter('other')).expect(422, /have to be the same/);
    await api.put('/api/v1/contracts/acme/web', filter('web')).expect(422, /have to be the same/);
  });

  it('are not deleted while others need them', async () => {
    await api.apply(SHOP);
    const refused = await api.delete('/api/v1/bridgedomains/acme/default').expect(409);
    expect(refused.body.code).toBe('refused');
    const tenant = await api.delete('/api/v1/tenants/acme').expect(409);
    expect(tenant.body.message).toContain('App acme/shop');
  });

  it('are changed only at the revision that the caller has read', async () => {
    const { body: applied } = await api.apply(TENANT);
    const created = await api.put('/api/v1/filters/acme/web', filter('web')).set('if-none-match', '*').expect(200);
    await api
      .put('/api/v1/filters/acme/web', filter('web', { a: 'b' }))
      .set('if-none-match', '*')
      .expect(412);
    await api
      .put('/api/v1/filters/acme/web', filter('web', { a: 'b' }))
      .set('if-match', `"${applied.position}"`)
      .expect(412);
    await api
      .put('/api/v1/filters/acme/web', filter('web', { a: 'b' }))
      .set('if-match', created.headers['etag'] as string)
      .expect(200);
    await api.delete('/api/v1/filters/acme/web').set('if-match', `${created.body.position}`).expect(412);
    await api.put('/api/v1/filters/acme/web', filter('web')).set('if-match', 'W/"x"').expect(422);
  });

  it('are checked and planned only with dryRun', async () => {
    const { body } = await api.post('/api/v1/apply?dryRun=true', SHOP).expect(200);
    expect(body.plan).toMatchObject({
      changed: expect.arrayContaining([{ key: 'App/acme/shop', action: 'created' }]),
      containers: { start: [{ service: 'acme/shop/web', host: 'h1', reason: 'new' }] },
      paths: { opened: [{ source: 'acme/shop/web', destination: 'acme/shop/api', traffic: 'tcp 8080' }] },
    });
    expect((await api.post('/api/v1/plan', SHOP).expect(200)).body).toEqual(body.plan);
    await api.get('/api/v1/apps/acme/shop').expect(404);
    await api.delete('/api/v1/domains/default?dryRun=true').expect(200);
    await api.get('/api/v1/domains/default').expect(200);
  });

  describe('asked for with dryRun', () => {
    const SERVICE = '/api/v1/services/acme/shop/web';
    const smaller = SHOP.replace('replicas: 3', 'replicas: 1');
    const app = (): object => ({
      kind: 'App',
      metadata: { tenant: 'acme', name: 'shop' },
      spec: { services: { web: { image: 'heddle/demo', replicas: 1 } } },
    });

    it.each<[string, (query: string) => Test, string, string]>([
      ['apply', (query) => api.post(`/api/v1/apply${query}`, smaller), 'Service/acme/shop/web', 'updated'],
      ['delete', (query) => api.post(`/api/v1/delete${query}`, SHOP), 'App/acme/shop', 'deleted'],
      ['PUT', (query) => api.put(`/api/v1/apps/acme/shop${query}`, app()), 'App/acme/shop', 'updated'],
      ['DELETE', (query) => api.delete(`/api/v1/apps/acme/shop${query}`), 'Service/acme/shop/web', 'deleted'],
      ['scale', (query) => api.post(`${SERVICE}/scale${query}`, { replicas: 6 }), 'Service/acme/shop/web', 'updated'],
      ['restart', (query) => api.post(`${SERVICE}/restart${query}`), 'Service/acme/shop/web', 'updated'],
      ['rollback', (query) => api.post(`/api/v1/changes/1/rollback${query}`), 'App/acme/shop', 'deleted'],
    ])('%s says what would change, and changes nothing', async (_what, ask, key, action) => {
      const { body: applied } = await api.apply(SHOP).expect(200);
      const before = (await api.get('/api/v1/services')).body;
      const { body } = await ask('?dryRun=true').expect(200);
      expect(body).toEqual({
        position: applied.position,
        changed: expect.arrayContaining([{ key, action }]),
        plan: {
          changed: body.changed,
          containers: { start: [expect.objectContaining({ service: 'acme/shop/web' })], stop: [] },
          paths: { opened: [expect.objectContaining({ traffic: 'tcp 8080' })], closed: [] },
        },
      });
      expect((await api.get('/api/v1/services')).body).toEqual(before);
      expect((await api.get('/api/v1/status')).body.position).toBe(applied.position);
      const { body: done } = await ask('?dryRun=false').expect(200);
      expect(done.changed).toEqual(body.changed);
      expect(done.position).toBe(applied.position + 1);
    });

    it('are refused as they would be without it', async () => {
      await api.apply(SHOP).expect(200);
      await api.post(`${SERVICE}/scale?dryRun=true`, { replicas: -1 }).expect(422);
      await api.post('/api/v1/services/acme/shop/none/restart?dryRun=true').expect(404);
      await api.put('/api/v1/apps/acme/shop?dryRun=true', app()).set('if-match', '1').expect(412);
      await api.post('/api/v1/delete?dryRun=true', TENANT).expect(409);
      await api.post('/api/v1/changes/4000/rollback?dryRun=true').expect(404);
    });
  });

  it('are listed by selector, tenant and application, page by page', async () => {
    await api.apply(SHOP);
    const names = ['a', 'b', 'c', 'd', 'e'];
    await api
      .apply(names.map((name) => filter(name, { odd: String(names.indexOf(name) % 2) })) as unknown as object)
      .expect(200);
    const odd = await api.get('/api/v1/filters?selector=odd%3D1').expect(200);
    expect(odd.body.items.map((o: { metadata: { name: string } }) => o.metadata.name)).toEqual(['b', 'd']);
    expect((await api.get('/api/v1/services?application=shop&tenant=acme')).body.items).toHaveLength(2);
    expect((await api.get('/api/v1/services?tenant=other')).body.items).toHaveLength(0);

    const seen: string[] = [];
    let next = '';
    do {
      const { body } = await api.get(`/api/v1/filters?limit=2&selector=odd${next}`).expect(200);
      seen.push(...body.items.map((o: { metadata: { name: string } }) => o.metadata.name));
      // What comes before the place where the page ended is not shown again, and nothing is skipped.
      if (next === '') await api.delete('/api/v1/filters/acme/a').expect(200);
      next = body.continue === undefined ? '' : `&continue=${body.continue}`;
    } while (next !== '');
    expect(seen).toEqual(names);
  });

  it('carry the status that their owners observe', async () => {
    await api.apply(SHOP);
    owners.services = [
      {
        service: 'acme/shop/web',
        replicas: 3,
        running: 2,
        healthy: 1,
        current: 2,
        settled: false,
        reasons: ['h2 has no room'],
      },
      { service: 'acme/shop/api', replicas: 2, running: 2, healthy: 2, current: 2, settled: true, reasons: [] },
    ] satisfies ServiceView[];
    expect((await api.get('/api/v1/services/acme/shop/web')).body.status).toEqual({
      replicas: 3, running: 2, healthy: 1, current: 2, settled: false, reasons: ['h2 has no room'],
    }); // prettier-ignore
    expect((await api.get('/api/v1/apps/acme/shop')).body.status).toEqual({
      services: 2, replicas: 5, running: 4, healthy: 3, settled: false, reasons: ['acme/shop/web: h2 has no room'],
    }); // prettier-ignore
  });

  it('are shown without their status when its owner does not answer', async () => {
    await api.apply(SHOP);
    await owners.close();
    const { body } = await api.get('/api/v1/services').expect(200);
    expect(body.items[0].status.unknown).toContain('nobody answers');
  });

  it('that are derived come from their owners', async () => {
    await api.apply(SHOP);
    owners.endpoints = [
      {
        id: 'allocation:acme/shop/web-1a2b3c',
        kind: 'container',
        problems: [],
        epg: 'acme/shop/web',
        mac: '02:48:0a:20:00:07',
        addresses: ['10.32.0.7'],
        host: 'h1',
        underlay: '192.0.2.11',
        service: 'web',
        healthy: true,
        attachment: { driver: 'ovs', port: 'p1' },
        allocation: 'acme/shop/web-1a2b3c',
        since: '2026-11-24T00:00:00Z',
      },
      {
        id: 'docker:h2/0123456789abcdef0123',
        kind: 'container',
        problems: [],
        epg: 'acme/shop/api',
        mac: '02:48:0a:20:00:08',
        addresses: ['10.32.0.8'],
        host: 'h2',
        underlay: '192.0.2.12',
        healthy: true,
        attachment: { driver: 'ovs', port: 'p2' },
        since: '2026-11-24T00:00:00Z',
      },
    ];
    const { body } = await api.get('/api/v1/endpoints').expect(200);
    expect(body.items.map((o: { metadata: { name: string } }) => o.metadata.name)).toEqual([
      'h2-0123456789ab',
      'web-1a2b3c',
    ]);
    const one = await api.get('/api/v1/endpoints/acme/shop/web-1a2b3c').expect(200);
    expect(one.body).toMatchObject({
      spec: { addresses: ['10.32.0.7'], epg: 'web' },
      status: { healthy: true, host: 'h1', epg: 'acme/shop/web', allocation: 'acme/shop/web-1a2b3c' },
    });
    await api.get('/api/v1/endpoints/acme/shop/nothing').expect(404);
  });

  describe('of endpoints', () => {
    const VM = `${SHOP}---
kind: Endpoint
metadata: { tenant: acme, application: shop, name: vm1, labels: { tier: back } }
spec:
  endpointKind: vm
  mac: 52:54:00:00:00:01
  addresses: [10.32.200.1]
  epg: api
  attachment: { driver: ovs, interfaceId: vm-1 }
`;
    const view: EndpointView = {
      id: 'endpoint:acme/shop/vm1',
      kind: 'vm',
      mac: '52:54:00:00:00:01',
      addresses: ['10.32.200.1'],
      epg: 'acme/shop/api',
      host: 'h1',
      underlay: '192.0.2.11',
      healthy: true,
      attachment: { driver: 'ovs', port: 'tap0', interfaceId: 'vm-1' },
      since: '2026-11-24T00:00:00Z',
      traffic: { sent: { packets: 1, bytes: 2 }, received: { packets: 3, bytes: 4 } },
      problems: [],
    };

    it('are written by people, and where they are is in the status', async () => {
      await api.apply(VM).expect(200);
      owners.endpoints = [view];
      const { body } = await api.get('/api/v1/endpoints/acme/shop/vm1').expect(200);
      expect(body).toMatchObject({
        metadata: { labels: { tier: 'back' }, revision: expect.any(Number) },
        spec: { endpointKind: 'vm', epg: 'api', attachment: { driver: 'ovs', interfaceId: 'vm-1' } },
      });
      expect(body.status).toEqual({
        epg: 'acme/shop/api',
        host: 'h1',
        underlay: '192.0.2.11',
        healthy: true,
        attachment: { driver: 'ovs', port: 'tap0', interfaceId: 'vm-1' },
        since: '2026-11-24T00:00:00Z',
        traffic: { sent: { packets: 1, bytes: 2 }, received: { packets: 3, bytes: 4 } },
        problems: [],
      });
      // What was read can be written back.
      await api.put('/api/v1/endpoints/acme/shop/vm1', body).expect(200, /"changed":\[\]/);
      expect((await api.get('/api/v1/endpoints?selector=tier%3Dback')).body.items).toHaveLength(1);
      await api.delete('/api/v1/epgs/acme/shop/api').expect(409);
      await api.delete('/api/v1/endpoints/acme/shop/vm1').expect(200);
    });

    it('that people wrote are shown when nobody knows where they are', async () => {
      await api.apply(VM).expect(200);
      await owners.close();
      const { body } = await api.get('/api/v1/endpoints/acme/shop/vm1').expect(200);
      expect(body).toMatchObject({
        spec: { epg: 'api' },
        status: { unknown: expect.stringContaining('nobody answers') },
      });
      await api.get('/api/v1/endpoints').expect(503);
      await api.get('/api/v1/endpoints/acme/shop/web-1').expect(503);
    });

    it('that are containers go with what runs them', async () => {
      await api.apply(SHOP).expect(200);
      owners.endpoints = [{ ...view, id: 'allocation:acme/shop/web-1', kind: 'container' }];
      await api.get('/api/v1/endpoints/acme/shop/web-1').expect(200);
      await api.delete('/api/v1/endpoints/acme/shop/web-1').expect(404, /a container goes with the service/);
    });
  });

  it('of Domains and Fabrics say who has their VLANs', async () => {
    const vlans = { size: 2, used: 1, resting: 1, free: 0 };
    await api
      .apply([
        { kind: 'Fabric', metadata: { name: 'main' }, spec: { driver: 'ovs-leaf' } },
        {
          kind: 'Domain',
          metadata: { name: 'lan' },
          spec: { driver: 'macvlan', fabric: 'main', uplink: 'f', vlans: '100-101' },
        },
      ] as unknown as object)
      .expect(200);
    owners.fabrics = [{ name: 'main', domains: ['lan'], leaves: ['leaf1'], vlans }];
    const given = [
      { vlan: 100, epg: 'acme/shop/web' },
      { vlan: 101, epg: 'acme/shop/old', waitsFor: ['h2'] },
    ];
    const refused = [{ host: 'h2', reason: 'has no uplink "f"; it has none' }];
    owners.domains = [{ name: 'lan', fabric: 'main', hosts: ['h1'], refused, vlans, given, problems: [] }];
    expect((await api.get('/api/v1/fabrics/main')).body.status).toEqual({ domains: ['lan'], leaves: ['leaf1'], vlans });
    expect((await api.get('/api/v1/domains/lan')).body.status).toEqual({
      hosts: ['h1'],
      refused,
      vlans,
      given,
      problems: [],
    });
    await api.delete('/api/v1/fabrics/main').expect(409, /Domain lan/);
  });

  describe('services', () => {
    it('are scaled through the App that owns them', async () => {
      await api.apply(SHOP);
      const { body } = await api.post('/api/v1/services/acme/shop/web/scale', { replicas: 6 }).expect(200);
      expect(body.changed).toEqual([
        { key: 'App/acme/shop', action: 'updated' },
        { key: 'Service/acme/shop/web', action: 'updated' },
      ]);
      expect((await api.get('/api/v1/apps/acme/shop')).body.spec.services.web.replicas).toBe(6);
      await api.post('/api/v1/services/acme/shop/web/scale', { replicas: -1 }).expect(422);
      await api.post('/api/v1/services/acme/shop/none/scale', { replicas: 1 }).expect(404);
    });

    it('are restarted', async () => {
      await api.apply(SHOP);
      await api.post('/api/v1/services/acme/shop/web/restart').expect(200);
      expect((await api.get('/api/v1/services/acme/shop/web')).body.spec.restartedAt).toMatch(/^2\d{3}-/);
      expect((await api.get('/api/v1/services/acme/shop/api')).body.spec.restartedAt).toBeUndefined();
    });

    it('that a person wrote are scaled themselves', async () => {
      await api.apply(TENANT);
      const at = { tenant: 'acme', application: 'shop', name: 'solo' };
      await api.apply([
        { kind: 'Epg', metadata: at, spec: {} },
        { kind: 'Service', metadata: at, spec: { image: 'heddle/demo' } },
      ] as unknown as object).expect(200); // prettier-ignore
      const { body } = await api.post('/api/v1/services/acme/shop/solo/scale', { replicas: 4 }).expect(200);
      expect(body.changed).toEqual([{ key: 'Service/acme/shop/solo', action: 'updated' }]);
    });
  });

  describe('changes', () => {
    it('asked for twice under one key happen once', async () => {
      const first = await api.apply(SHOP).set('idempotency-key', 'deploy-1').expect(200);
      await api.post('/api/v1/services/acme/shop/web/scale', { replicas: 6 }).expect(200);
      const again = await api.apply(SHOP).set('idempotency-key', 'deploy-1').expect(200);
      expect(again.body).toEqual(first.body);
      expect((await api.get('/api/v1/services/acme/shop/web')).body.spec.replicas).toBe(6);
      await api.apply(SHOP).set('idempotency-key', 'no spaces').expect(422);
    });

    it.each<[string, (position: number) => Test]>([
      ['scale', () => api.post('/api/v1/services/acme/shop/web/scale', { replicas: 6 })],
      ['restart', () => api.post('/api/v1/services/acme/shop/web/restart')],
      ['rollback', (position) => api.post(`/api/v1/changes/${position}/rollback`)],
    ])('of the action %s asked for twice under one key happen once', async (what, ask) => {
      const { body: empty } = await api.apply(TENANT).expect(200);
      await api.apply(SHOP).expect(200);
      const first = await ask(empty.position).set('idempotency-key', `${what}-1`).expect(200);
      expect(first.body.changed).not.toEqual([]);
      const { body: then } = await api.apply(SHOP.replace('replicas: 3', 'replicas: 4')).expect(200);
      const shown = (await api.get('/api/v1/services')).body;
      const again = await ask(empty.position).set('idempotency-key', `${what}-1`).expect(200);
      expect(again.body).toEqual(first.body);
      expect((await api.get('/api/v1/services')).body).toEqual(shown);
      expect((await api.get('/api/v1/status')).body.position).toBe(then.position);
      await ask(empty.position).set('idempotency-key', 'no spaces').expect(422);
    });

    it('are remembered with who made them, and can be taken back', async () => {
      const { body: applied } = await api.apply(SHOP);
      const { body: scaled } = await api.post('/api/v1/services/acme/shop/web/scale', { replicas: 6 });
      const { body: history } = await api.get('/api/v1/changes?key=App/acme/shop').expect(200);
      expect(history.items.map((i: { position: number }) => i.position)).toEqual([scaled.position, applied.position]);
      expect(history.items[0]).toMatchObject({ by: { principal: 'admin' }, verb: 'scale', changed: scaled.changed });
      const before = await api.get(`/api/v1/changes?before=${scaled.position}&limit=1`);
      expect(before.body.items).toEqual([expect.objectContaining({ position: applied.position })]);

      const { body: one } = await api.get(`/api/v1/changes/${scaled.position}`).expect(200);
      expect(one.objects[0].before.spec.services.web.replicas).toBe(3);
      expect(one.objects[0].after.spec.services.web.replicas).toBe(6);

      await api.post(`/api/v1/changes/${applied.position}/rollback?dryRun=true`).expect(200);
      const { body: back } = await api.post(`/api/v1/changes/${applied.position}/rollback`).expect(200);
      expect(back.changed).toEqual(scaled.changed);
      expect((await api.get('/api/v1/services/acme/shop/web')).body.spec.replicas).toBe(3);
      const [newest] = (await api.get('/api/v1/changes?limit=1')).body.items;
      expect(newest.summary).toBe(`rollback of everything to ${applied.position}`);
      await api.get('/api/v1/changes/4000').expect(404);
      await api.get('/api/v1/changes/x').expect(422);
    });

    it('are taken back for one tenant, or one application in it', async () => {
      const other = SHOP.replaceAll('acme', 'other');
      const { body: empty } = await api.apply(`${TENANT}---\n${TENANT.replace('acme', 'other')}`).expect(200);
      await api.apply(`${SHOP}---\n${SHOP.replace(TENANT, '').replace('---', '').replace('shop', 'blog')}`).expect(200);
      await api.apply(other).expect(200);
      const back = async (query: string): Promise<string[]> => {
        await api.post(`/api/v1/changes/${empty.position}/rollback?${query}`).expect(200);
        const [newest] = (await api.get('/api/v1/changes?limit=1')).body.items;
        const apps = (await api.get('/api/v1/apps')).body.items as { metadata: { tenant: string; name: string } }[];
        return [newest.summary, ...apps.map(({ metadata: m }) => `${m.tenant}/${m.name}`)];
      };
      const to = `to ${empty.position}`;
      expect(await back('tenant=acme&application=blog')).toEqual([
        `rollback of application acme/blog ${to}`,
        'acme/shop',
        'other/shop',
      ]);
      expect(await back('tenant=other')).toEqual([`rollback of tenant other ${to}`, 'acme/shop']);
    });

    it('say on how many hosts they are in force', async () => {
      const { body } = await api.apply(SHOP);
      const host = (name: string, policyPosition: number, state: HostView['state'] = 'ready'): HostView => ({
        name, policyPosition, state, workloadPosition: policyPosition, labels: {}, since: '', reason: '', problems: [],
        agentVersion: '', highestClassId: 0, usage: { containers: 0, endpoints: 0, flows: 0 },
        domains: [],
        spec: { role: 'host', zone: 'a', underlay: '192.0.2.1', tunnels: true, capacity: { cpu: 1, memory: 1 }, uplinks: {}, schedulable: true },
      }); // prettier-ignore
      const service = (settled: boolean): ServiceView => ({
        service: 'acme/shop/web', replicas: 3, running: 3, healthy: 3, current: 3, settled, reasons: [],
      }); // prettier-ignore
      owners.hosts = [host('h1', body.position), host('h2', body.position - 1), host('h3', 0, 'lost')];
      owners.services = [service(true), { ...service(false), service: 'acme/other/web' }];
      const behind = await api.get(`/api/v1/changes/${body.position}/status`).expect(200);
      expect(behind.body).toEqual({
        position: body.position,
        policy: { inForce: 1, hosts: 3, missing: ['h2', 'h3'] },
        services: [service(true)],
        settled: false,
      });
      owners.hosts[1] = host('h2', body.position);
      const there = await api.get(`/api/v1/changes/${body.position}/status`).expect(200);
      expect(there.body).toMatchObject({ policy: { inForce: 2, missing: ['h3'] }, settled: true });
    });

    it('say which Fabrics have controllers that they are not in force on', async () => {
      const fabric = 'kind: Fabric\nmetadata: { name: aci }\nspec: { driver: apic, controllers: ["https://apic1"], user: heddle, passwordFile: /etc/p }\n';
      const { body } = await api.apply(`${fabric}---\n${SHOP}`).expect(200);
      const status = async (over: Partial<FabricStatus>) => {
        const of: FabricStatus = { fabric: 'aci', driver: 'apic', state: 'changing', since: '', position: body.position, missing: 1, conflicts: [], problems: [], ...over };
        owners.fabricStatuses = [of, { ...of, fabric: 'main', driver: 'ovs-leaf' }];
        const { policy, settled } = (await api.get(`/api/v1/changes/${body.position}/status`).expect(200)).body;
        return [policy.fabrics, settled];
      };
      expect(await status({})).toEqual([[{ fabric: 'aci', state: 'changing' }], false]);
      expect(await status({ state: 'in-force', position: body.position - 1 })).toEqual([[{ fabric: 'aci', state: 'in-force' }], false]);
      // Nobody should wait for it, but it is named.
      expect(await status({ state: 'unreachable', problems: ['connect ECONNREFUSED'] })).toEqual([[{ fabric: 'aci', state: 'unreachable', problem: 'connect ECONNREFUSED' }], true]);
      expect(await status({ state: 'waiting', waiting: { digest: 'd', reason: '60 deletions', deletions: 60 } })).toEqual([[{ fabric: 'aci', state: 'waiting', problem: '60 deletions' }], true]);
      expect(await status({ state: 'in-force' })).toEqual([undefined, true]);
    }); // prettier-ignore

    it('concern services whose EPG they change, and those that they delete while instances run', async () => {
      const { body } = await api.apply(SHOP);
      const view: ServiceView = { service: 'acme/shop/other', replicas: 1, running: 1, healthy: 1, current: 1, settled: false, reasons: [] }; // prettier-ignore
      const settled = async (...views: ServiceView[]): Promise<boolean> => {
        owners.services = views;
        return (await api.get(`/api/v1/changes/${body.position}/status`).expect(200)).body.settled;
      };
      expect(await settled(view)).toBe(true);
      expect(await settled({ ...view, epg: 'acme/shop/web' })).toBe(false);
      expect(await settled({ ...view, service: 'acme/shop/web', deleted: true, replicas: 0 })).toBe(false);
    });
  });
});

import request from 'supertest';
import type { ApiClient } from '../testing/api-client';
import type { FakeOwners } from '../testing/fake-owners';
import { SHOP, TENANT } from '../testing/files';
import { startWithOwners, type TestGateway } from '../testing/test-gateway';

/** An application in which one thing is wrong. */
const app = (service: string, rest = ''): string => `${TENANT}---
kind: App
metadata: { tenant: acme, name: shop }
spec:
  services:
    web: ${service}
${rest}`;

describe('wrong input is refused whole', () => {
  let gateway: TestGateway;
  let owners: FakeOwners;
  let api: ApiClient;

  beforeAll(async () => {
    ({ gateway, owners } = await startWithOwners());
    api = gateway.api();
  });
  afterAll(async () => {
    await owners.close();
    await gateway.stop();
  });

  const position = async (): Promise<number> => (await api.get('/api/v1/status')).body.position;
  let before: number;
  beforeEach(async () => (before = await position()));
  afterEach(async () => {
    expect(await position()).toBe(before);
    const { body } = await api.get('/api/v1/tenants');
    expect(body.items).toEqual([]);
  });

  it('an unknown field', async () => {
    const { body } = await api.apply(app('{ image: heddle/demo, replica: 3 }')).expect(422);
    expect(body).toMatchObject({
      code: 'invalid',
      retryable: false,
      problems: [
        {
          path: 'spec.services.web.replica',
          line: 8,
          message: 'unknown field "replica"; remove it or correct its spelling',
        },
      ],
    });
    expect(body.message).toContain('line 8');
  });

  it('a port out of range', async () => {
    const { body } = await api.apply(app('{ image: heddle/demo, ports: { http: 70000 } }')).expect(422);
    expect(body.problems).toEqual([
      expect.objectContaining({
        path: 'spec.services.web.ports.http',
        line: 8,
        message: expect.stringMatching(/70000.*65535/),
      }),
    ]);
  });

  it('a name with a slash', async () => {
    const { body } = await api.apply('kind: Tenant\nmetadata: { name: acme/evil }\n').expect(422);
    expect(body.problems).toEqual([
      expect.objectContaining({
        path: 'metadata.name',
        message: expect.stringContaining('found "acme/evil"; allowed are 1 to 63'),
      }),
    ]);
    await api.get('/api/v1/tenants/acme%2Fevil').expect(422);
  });

  it('a connection to a service that does not exist', async () => {
    const file = app('{ image: heddle/demo, ports: { http: 80 } }', '  connect: [{ from: web, to: db, port: sql }]\n');
    const { body } = await api.apply(file).expect(422);
    expect(body.message).toContain('found "db", which is no service of this application; allowed are web');
  });

  it('an EPG that provides a contract that does not exist', async () => {
    const epg = 'kind: Epg\nmetadata: { tenant: acme, application: shop, name: web }\nspec: { provides: [http] }\n';
    const { body } = await api.apply(`${TENANT}---\n${epg}`).expect(422);
    expect(body.message).toMatch(/http/);
    expect(body.problems).toEqual([
      expect.objectContaining({ path: 'Epg acme/shop/web spec.provides[0]', line: 6, column: 20 }),
    ]);
    expect(body.message).toMatch(/^line 6, column 20: Epg acme\/shop\/web spec\.provides\[0\]: found "http"/);
  });

  it('an ownership cycle', async () => {
    const owned = (name: string, owner: string): string =>
      `kind: Filter\nmetadata: { tenant: acme, name: ${name}, owner: { kind: Filter, path: acme/${owner} } }\nspec: { entries: [{ name: any }] }\n`;
    const { body } = await api.apply([TENANT, owned('a', 'b'), owned('b', 'a')].join('---\n')).expect(422);
    expect(body.message).toMatch(/own/);
    expect(body.problems).toEqual([expect.objectContaining({ path: 'Filter acme/a metadata.owner', line: 5 })]);
  });

  it('two overlapping subnets in one VRF', async () => {
    const domain = (name: string, gatewayAddress: string): string =>
      `kind: BridgeDomain\nmetadata: { tenant: acme, name: ${name} }\nspec: { subnets: [{ gateway: ${gatewayAddress} }] }\n`;
    const file = [TENANT, domain('a', '10.1.0.1/16'), domain('b', '10.1.2.1/24')].join('---\n');
    const { body } = await api.apply(file).expect(422);
    expect(body.message).toMatch(/10\.1\..*overlap/);
    expect(body.problems).toEqual([
      expect.objectContaining({ path: 'BridgeDomain acme/b spec.subnets[0].gateway', line: 10, column: 30 }),
    ]);
  });

  it('a file of 10 MB', async () => {
    const { body } = await api.apply(`# ${'x'.repeat(10 * 1024 * 1024)}\n${SHOP}`).expect(413);
    expect(body).toMatchObject({
      code: 'limit',
      message: expect.stringMatching(/1048.*allowed are 1048576: split it/),
    });
  });

  it('what is not JSON', async () => {
    const { body } = await api.post('/api/v1/apply', '{"kind": "Tenant",', 'application/json').expect(400);
    expect(body).toMatchObject({ code: 'invalid', message: expect.stringContaining('the body is not JSON') });
    await api.post('/api/v1/services/acme/shop/web/scale', '{', 'application/json').expect(400);
  });

  it('what is neither YAML nor JSON', async () => {
    const { body } = await api.apply('kind: [Tenant\nmetadata: }').expect(400);
    expect(body).toMatchObject({
      code: 'invalid',
      problems: expect.arrayContaining([expect.objectContaining({ line: expect.any(Number) })]),
    });
    await api.apply('').expect(400);
    await api
      .post('/api/v1/apply', Buffer.from([0xff, 0xfe, 0x00]).toString('latin1'), 'application/x-www-form-urlencoded')
      .expect(415);
  });

  it('bytes that are no text', async () => {
    const answer = await request(gateway.url)
      .post('/api/v1/apply')
      .set('authorization', `Bearer ${gateway.token}`)
      .set('content-type', 'application/yaml')
      .serialize((body: Buffer) => body as unknown as string)
      .send(Buffer.from([0x6b, 0xff, 0xfe]))
      .expect(400);
    expect(answer.body.message).toBe('the body is not UTF-8 text');
  });

  it('one wrong object among many right ones, in a JSON list', async () => {
    const tenant = { kind: 'Tenant', metadata: { name: 'acme' } };
    const { body } = await api.apply([tenant, { kind: 'Tenent', metadata: { name: 'x' } }]).expect(422);
    expect(body.problems).toEqual([
      { path: '[1].kind', message: expect.stringContaining('found "Tenent"; allowed are Tenant') },
    ]);
  });

  it('what an owner objects to', async () => {
    owners.problems = [{ path: 'Epg acme/shop/web spec.domain', message: 'found "lan", which no host can realise' }];
    const file = SHOP.replace('spec:', 'spec:\n  domain: lan');
    for (const path of ['/api/v1/apply', '/api/v1/apply?dryRun=true', '/api/v1/plan']) {
      const { body } = await api.post(path, file).expect(422);
      // Three owners say the same; it is told once. The EPG is not in the file, but the App that it comes from is.
      expect(body).toMatchObject({ code: 'invalid', problems: [{ ...owners.problems[0], line: 7, column: 11 }] });
      expect(body.message).toMatch(/^line 7, column 11: Epg acme\/shop\/web spec\.domain: found "lan"/);
    }
    owners.problems = [{ path: 'Epg acme/other/web spec.domain', message: 'is of no object of the file' }];
    const { body } = await api.apply(file).expect(422);
    expect(body.problems).toEqual(owners.problems);
    owners.problems = [];
  });

  it('one object, with the place of what is wrong in it', async () => {
    const epg = { kind: 'Epg', metadata: { tenant: 'acme', application: 'x', name: 'y' }, spec: { consumes: ['no'] } };
    const { body } = await api.put('/api/v1/epgs/acme/x/y', epg).expect(422);
    const column = JSON.stringify(epg).indexOf('"no"') + 1;
    expect(body.problems).toContainEqual(
      expect.objectContaining({ path: 'Epg acme/x/y spec.consumes[0]', line: 1, column }),
    );
    const { body: listed } = await api.apply([epg]).expect(422);
    for (const problem of listed.problems) expect(problem).not.toHaveProperty('line');
  });

  it('a file of objects to delete that are not there, with the place of each', async () => {
    const { body } = await api.post('/api/v1/delete', `# gone\n${TENANT}`).expect(404);
    expect(body.problems).toEqual([expect.objectContaining({ path: 'Tenant acme', line: 2, column: 1 })]);
  });

  it('a route that does not exist', async () => {
    await api.get('/api/v1/tenantz').expect(404, /there is no collection/);
    await api.get('/api/v2').expect(404, /the API is described at \/api\/docs/);
    await api.post('/api/v1/tenants/acme').expect(404);
    await api.get('/api/v1/tenants/%E0%A4%A').expect(400, /"code":"invalid"/);
    await api.get('/api/v1/services/acme/web').expect(422, /allowed is tenant\/application\/name/);
  });

  it('a parameter that does not exist or is out of range', async () => {
    await api.get('/api/v1/services?label=x').expect(422, /found parameter label/);
    await api.get('/api/v1/services?limit=0').expect(422, /allowed is 1 to 1000/);
    await api.get('/api/v1/services?selector=a%20b').expect(422, /found selector/);
    await api.get('/api/v1/services?continue=zzz').expect(422, /found continue/);
    await api.post('/api/v1/apply?dryRun=perhaps', SHOP).expect(422, /found dryRun=perhaps/);
  });

  it('a change with a parameter that does not exist, before anything of it is done', async () => {
    const tenant = { kind: 'Tenant', metadata: { name: 'acme' } };
    for (const [ask, allowed] of [
      [api.post('/api/v1/apply?dryrun=true', SHOP), 'allowed are dryRun'],
      [api.post('/api/v1/delete?dryrun=true', SHOP), 'allowed are dryRun'],
      [api.put('/api/v1/tenants/acme?dryrun=true', tenant), 'allowed are dryRun'],
      [api.delete('/api/v1/domains/default?dryrun=true'), 'allowed are dryRun'],
      [api.post('/api/v1/services/acme/shop/web/scale?dryrun=true', { replicas: 1 }), 'allowed are dryRun'],
      [api.post('/api/v1/services/acme/shop/web/restart?dryrun=true'), 'allowed are dryRun'],
      [api.post('/api/v1/changes/1/rollback?dryrun=true'), 'allowed are dryRun, tenant, application'],
      [api.post('/api/v1/plan?dryrun=true', SHOP), 'none is allowed here'],
      [api.post('/api/v1/hosts/h1/credentials?dryrun=true'), 'none is allowed here'],
      [api.post('/api/v1/store/accept?dryrun=true'), 'none is allowed here'],
      [api.post('/api/v1/probe?dryrun=true'), 'none is allowed here'],
    ] as const) {
      const { body } = await ask.expect(422);
      expect(body).toMatchObject({ code: 'invalid', message: `found parameter dryrun; ${allowed}` });
    }
    await api.post('/api/v1/apply?dryRun=true&dryRun=false', SHOP).expect(422, /found dryRun more than once/);
    await api.post('/api/v1/changes/1/rollback?tenant=').expect(422, /found tenant without a name/);
    await request(gateway.url).post('/api/v1/apply?dryrun=true').expect(401);
  });

  it('objects that only Heddle writes', async () => {
    const allocation = {
      kind: 'Allocation',
      metadata: { tenant: 'acme', application: 'shop', name: 'x' },
      spec: {
        service: 'web',
        serviceUid: 'u',
        templateHash: 't',
        index: 0,
        host: 'h1',
        epg: 'web',
        template: { image: 'heddle/demo' },
        desired: 'run',
      },
    };
    await api.put('/api/v1/allocations/acme/shop/x', allocation).expect(409, /written by Heddle only/);
  });

  it('containers, which hosts report by themselves', async () => {
    const endpoint = {
      kind: 'Endpoint',
      metadata: { tenant: 'acme', application: 'shop', name: 'x' },
      spec: {
        endpointKind: 'container',
        mac: '02:48:0a:20:00:07',
        addresses: ['10.32.0.7'],
        epg: 'web',
      },
    };
    const { body } = await api.put('/api/v1/endpoints/acme/shop/x', endpoint).expect(422);
    expect(body.problems).toEqual([
      expect.objectContaining({
        path: 'spec.endpointKind',
        message: expect.stringContaining('which hosts report by themselves; allowed are vm and baremetal'),
      }),
    ]);
  });
});

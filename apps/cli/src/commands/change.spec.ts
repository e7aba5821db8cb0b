import { FakeFiles } from '@heddle/host';
import { SHOP } from '../testing/cluster';
import { withApi } from '../testing/with-api';

const { api, run } = withApi();
const apply = (...more: string[]) => run(['apply', '-f', '-', ...more], { stdinText: SHOP });
const web = (running: number, settled: boolean, reasons: string[] = []) => ({
  service: 'acme/shop/web',
  replicas: 3,
  running,
  healthy: running,
  current: running,
  settled,
  reasons,
});

describe('apply', () => {
  it('prints what changed, shows progress on standard error, and ends when it is in force', async () => {
    let looks = 0;
    api().progress = () => {
      looks++;
      if (looks === 1)
        return { settled: false, policy: { inForce: 2, hosts: 3, missing: ['h2'] }, services: [web(0, false)] };
      return { services: [web(3, true)] };
    };
    const { code, out, err } = await apply();
    expect(code).toBe(0);
    expect(out.split('\n')).toEqual(
      expect.arrayContaining(['Tenant/acme created', 'App/acme/shop created', 'Service/acme/shop/web created']),
    );
    expect(out).toMatch(/^in force and settled at position 1$/m);
    expect(err.split('\n')).toEqual([
      'policy         in force on 2 of 3 hosts  waiting for h2',
      'acme/shop/web  0/3 running, 0 healthy    changing',
      'policy         in force on 3 of 3 hosts',
      'acme/shop/web  3/3 running, 3 healthy',
      '',
    ]);
  });

  it('a second time changes nothing, and still waits until it is in force', async () => {
    await apply();
    const { code, out } = await apply();
    expect([code, out.split('\n')[0]]).toEqual([0, 'nothing had to change']);
  });

  it('does not wait for a host that is lost, and names it', async () => {
    api().progress = () => ({ settled: true, policy: { inForce: 2, hosts: 3, missing: ['h3'] } });
    const { code, err } = await apply();
    expect([code, err.split('\n').at(-2)]).toEqual([0, 'not in force on h3: lost; it follows when they are back']);
  });

  it('names a Fabric whose controllers do not have it', async () => {
    const fabrics = [{ fabric: 'aci', state: 'unreachable', problem: 'no controller answers' }];
    api().progress = () => ({ settled: true, policy: { inForce: 3, hosts: 3, missing: [], fabrics } });
    const { code, err } = await apply();
    expect([code, ...err.split('\n').slice(-3)]).toEqual([
      0,
      'fabric aci  unreachable               no controller answers',
      'not in force on Fabric aci: unreachable: no controller answers; see "heddle fabric status"',
      '',
    ]);
    api().progress = () => ({ settled: false, policy: { inForce: 3, hosts: 3, missing: [], fabrics: [{ fabric: 'aci', state: 'changing' }] } }); // prettier-ignore
    const late = await apply('--timeout', '1s');
    expect([late.code, late.err]).toEqual([3, expect.stringContaining('  the policy is not in force on Fabric aci: changing\n')]); // prettier-ignore
  });

  it('is content with no progress to see when nothing had to change', async () => {
    await apply();
    api().intercept = ({ path }) =>
      path.endsWith('/status')
        ? { status: 404, body: { code: 'not-found', message: 'there is no change at position 1', retryable: false } }
        : undefined;
    expect((await apply()).code).toBe(0);
  });

  it('ends with 3 and the reasons when it is not settled in time', async () => {
    api().progress = () => ({
      settled: false,
      services: [web(1, false, ['2 instances fit on no host: 3 hosts have too little memory'])],
    });
    const { code, err } = await apply('--timeout', '2s');
    expect(code).toBe(3);
    expect(err).toContain('error: accepted at position 1, but not settled within 2.0 s:\n');
    expect(err).toContain(
      '  acme/shop/web: 1 of 3 running, 1 healthy: 2 instances fit on no host: 3 hosts have too little memory\n',
    );
  });

  it('returns at once with --no-wait', async () => {
    api().progress = () => ({ settled: false });
    expect((await apply('--no-wait')).code).toBe(0);
    expect(api().requests.filter(({ path }) => path.endsWith('/status'))).toEqual([]);
  });

  it('changes nothing with --dry-run, and prints the plan', async () => {
    api().plan = { ...api().plan, changed: [{ key: 'App/acme/shop', action: 'created' }] };
    const { code, out } = await apply('--dry-run');
    expect(code).toBe(0);
    expect(out).toContain('+  App/acme/shop  created');
    expect(api().objects.size).toBe(0);
  });

  it('prints exactly the answer of the API with -o json', async () => {
    const { out } = await apply('-o', 'json', '--no-wait');
    expect(JSON.parse(out)).toEqual({
      position: 1,
      changed: expect.arrayContaining([{ key: 'Tenant/acme', action: 'created' }]),
    });
  });

  it('prints each problem with its place, and ends with 1', async () => {
    const text = SHOP.replace('replicas: 3', 'replcias: 3').replace('http: 8080', 'http: 70000');
    const { code, err } = await run(['apply', '-f', '-'], { stdinText: text });
    expect(code).toBe(1);
    expect(err.split('\n')).toEqual([
      'error: refused, 2 problems in standard input; nothing was changed',
      expect.stringMatching(/^ {2}standard input:8:\d+: spec\.services\.web\.ports\.http: .*70000/),
      expect.stringMatching(/^ {2}standard input:8:\d+: spec\.services\.web\.replcias: unknown field/),
      '',
    ]);
    expect(api().objects.size).toBe(0);
  });

  it('does not send a file that is too large', async () => {
    const { code, err } = await run(['apply', '-f', '-'], { stdinText: '#'.repeat(10 * 1024 * 1024) });
    expect([code, err]).toEqual([
      1,
      'error: the input has 10485760 bytes; allowed are 1048576: split it into several files\n',
    ]);
    expect(api().requests).toEqual([]);
  });

  it('sends a change again when the answer was lost, under the same key, so that it happens once', async () => {
    let lost = false;
    api().intercept = ({ method, path }) => {
      if (method !== 'POST' || path !== '/apply' || lost) return undefined;
      lost = true;
      return 'break';
    };
    expect((await apply()).code).toBe(0);
    const keys = api()
      .requests.filter(({ path }) => path === '/apply')
      .map(({ headers }) => headers['idempotency-key']);
    expect(keys).toHaveLength(2);
    expect(new Set(keys).size).toBe(1);
  });

  it('sends JSON as JSON, so that it may be a list', async () => {
    await run(['plan', '-f', '-'], { stdinText: '[{"kind":"Tenant","metadata":{"name":"acme"}}]' });
    await run(['plan', '-f', '-'], { stdinText: '{ kind: Tenant, metadata: { name: acme } }' });
    expect(api().requests.map(({ headers }) => headers['content-type'])).toEqual([
      'application/json',
      'application/yaml',
    ]);
  });
});

describe('delete', () => {
  beforeEach(() => api().load(SHOP));

  it('deletes one object by a short path, and what it owns', async () => {
    const { code, out } = await run(['delete', 'app', 'shop']);
    expect(code).toBe(0);
    expect(out).toContain('App/acme/shop deleted\n');
    expect([...api().objects.keys()]).not.toContain('Service/acme/shop/web');
  });

  it('deletes what a file names', async () => {
    await run(['delete', '-f', '-'], {
      stdinText: 'kind: App\nmetadata: { tenant: acme, name: shop }\nspec: { services: {} }\n',
    });
    expect([...api().objects.keys()]).not.toContain('App/acme/shop');
  });

  it('wants either a file or an object', async () => {
    for (const words of [[], ['app', 'shop', '-f', 'x'], ['app']]) {
      expect((await run(['delete', ...words])).code).toBe(2);
    }
    expect(api().requests.filter(({ method }) => method !== 'GET')).toEqual([]);
  });

  it('ends with 4 when it is not there, with 5 when others refer to it', async () => {
    expect((await run(['delete', 'Service/acme/shop/none'])).code).toBe(4);
    api().intercept = ({ method }) =>
      method === 'DELETE'
        ? {
            status: 409,
            body: { code: 'refused', message: 'Tenant/acme is referred to by App/acme/shop', retryable: false },
          }
        : undefined;
    const { code, err } = await run(['delete', 'tenant', 'acme']);
    expect([code, err]).toEqual([5, 'error: Tenant/acme is referred to by App/acme/shop\n']);
  });
});

describe('scale, restart, rollback', () => {
  beforeEach(() => api().load(SHOP));

  it('scales by a short path', async () => {
    const { code, out } = await run(['scale', 'shop/web', '6', '--tenant', 'acme']);
    expect([code, out.split('\n')[0]]).toEqual([0, 'Service/acme/shop/web updated']);
    expect(api().requests[0]).toMatchObject({
      method: 'POST',
      path: '/services/acme/shop/web/scale',
      body: '{"replicas":6}',
    });
  });

  it('refuses a number that is none before it asks', async () => {
    for (const n of ['six', '-1', '1.5', '10001']) expect((await run(['scale', 'web', n])).code).toBe(2);
    expect(api().requests).toEqual([]);
  });

  it('restarts and rolls back', async () => {
    expect((await run(['restart', 'web'])).code).toBe(0);
    expect((await run(['rollback', '4'])).code).toBe(0);
    const posts = api()
      .requests.filter(({ method }) => method === 'POST')
      .map(({ path }) => path);
    expect(posts).toEqual(['/services/acme/shop/web/restart', '/changes/4/rollback']);
  });

  it('changes nothing with --dry-run, and prints the plan', async () => {
    api().plan = { ...api().plan, changed: [{ key: 'Service/acme/shop/web', action: 'updated' }] };
    for (const words of [
      ['scale', 'shop/web', '6'],
      ['restart', 'shop/web'],
      ['rollback', '0'],
    ]) {
      const { code, out } = await run([...words, '--dry-run']);
      expect([words, code, out.includes('~  Service/acme/shop/web  updated')]).toEqual([words, 0, true]);
    }
    const asked = api().requests.filter(({ method }) => method === 'POST');
    expect(asked.map(({ query }) => query)).toEqual([{ dryRun: 'true' }, { dryRun: 'true' }, { dryRun: 'true' }]);
    expect(api().history).toEqual([]);
  });

  it('sends each of them again under the same key when the answer was lost', async () => {
    for (const words of [
      ['scale', 'acme/shop/web', '6'],
      ['restart', 'acme/shop/web'],
      ['rollback', '4'],
    ]) {
      let lost = false;
      api().requests.length = 0;
      api().intercept = ({ method }) => {
        if (method !== 'POST' || lost) return undefined;
        lost = true;
        return 'break';
      };
      expect((await run([...words, '--no-wait'])).code).toBe(0);
      const keys = api().requests.map(({ headers }) => headers['idempotency-key']);
      expect([words, keys.length, new Set(keys).size]).toEqual([words, 2, 1]);
      expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/);
    }
  });
});

describe('rollback', () => {
  const rollback = async (...words: string[]) => {
    const { code, out, err } = await run(['rollback', '4', '--no-wait', ...words], environment);
    const asked = api().requests.find(({ path }) => path === '/changes/4/rollback');
    return { code, said: out.split('\n')[0], err, query: asked?.query };
  };
  let environment: Parameters<typeof run>[1];
  beforeEach(() => (environment = {}));

  /** A context whose default tenant is acme. */
  const inContext = async (): Promise<void> => {
    const files = new FakeFiles();
    await files.writeAtomic('/t/token', api().token);
    await files.writeAtomic(
      '/home/user/.config/heddle/contexts.json',
      JSON.stringify({ current: 'lab', contexts: { lab: { api: api().url, tokenFile: '/t/token', tenant: 'acme' } } }),
    );
    environment = { files, env: {} };
  };

  it('is of the tenant that is named, and of an application in it', async () => {
    expect(await rollback('--tenant', 'acme')).toMatchObject({
      code: 0,
      said: 'rolled back to 4: tenant acme',
      query: { tenant: 'acme' },
    });
    api().requests.length = 0;
    expect(await rollback('--tenant', 'acme', '--application', 'shop', '--dry-run')).toMatchObject({
      said: 'to roll back to 4: application shop of tenant acme',
      query: { tenant: 'acme', application: 'shop', dryRun: 'true' },
    });
  });

  it('is of all tenants where none is named, and says so', async () => {
    expect(await rollback()).toMatchObject({
      said: 'rolled back to 4: everything that this token may change',
      query: {},
    });
  });

  it('is of the tenant of the context, as lists are, and says so', async () => {
    await inContext();
    expect(await rollback()).toMatchObject({
      said: 'rolled back to 4: tenant acme, the tenant of context lab; -A takes everything',
      query: { tenant: 'acme' },
    });
  });

  it('is of all tenants with -A, whatever the context', async () => {
    await inContext();
    expect(await rollback('-A')).toMatchObject({
      said: 'rolled back to 4: everything that this token may change',
      query: {},
    });
  });

  it('says it on standard error where the output is for programs', async () => {
    const { out, err } = await run(['rollback', '4', '--no-wait', '--tenant', 'acme', '-o', 'json']);
    expect([JSON.parse(out), err]).toEqual([expect.any(Object), 'rolled back to 4: tenant acme\n']);
  });

  it('asks nothing when it is not clear what is meant', async () => {
    for (const words of [
      ['-A', '--tenant', 'acme'],
      ['--application', 'shop'],
      ['-A', '--application', 'shop'],
    ]) {
      expect([words, (await rollback(...words)).code]).toEqual([words, 2]);
    }
    expect(api().requests).toEqual([]);
  });
});

import { describeRoot, TestCluster } from './cluster';

const RUNNING = `
kind: Tenant
metadata: { name: acme }
---
kind: App
metadata: { tenant: acme, name: shop }
spec:
  services:
    web: { image: heddle/demo }
    api: { image: heddle/demo, ports: { http: 8080 } }
  connect: [{ from: web, to: api, port: http }]
`;

/** Something that is right and new: it must not come true beside what is wrong. */
const RIGHT = `
kind: Filter
metadata: { tenant: acme, name: right }
spec: { entries: [{ name: all }] }
---
`;

const service = (fields: string): string => `
kind: Epg
metadata: { tenant: acme, application: more, name: one }
spec: {}
---
kind: Service
metadata: { tenant: acme, application: more, name: one }
spec: { image: heddle/demo, ${fields} }
`;
const epg = (spec: string, name = 'one'): string => `
kind: Epg
metadata: { tenant: acme, application: more, name: ${name} }
spec: ${spec}
`;
const owned = (name: string, owner: string): string => `
kind: Filter
metadata: { tenant: acme, name: ${name}, owner: { kind: Filter, path: acme/${owner} } }
spec: { entries: [{ name: all }] }
`;
const domain = (name: string, gateway: string): string => `
kind: BridgeDomain
metadata: { tenant: acme, name: ${name} }
spec: { subnets: [{ gateway: ${gateway} }] }
`;

interface Refusal {
  readonly file: string;
  readonly status: number;
  /** What the answer has to say: what was found, and what is allowed or to be done. */
  readonly says: readonly RegExp[];
}

const REFUSALS: Record<string, Refusal> = {
  'an unknown field': {
    file: service('replica: 3'),
    status: 422,
    says: [/spec\.replica/, /unknown field "replica"/, /remove it or correct its spelling/, /line \d+/],
  },
  'a port out of range': {
    file: service('ports: { http: 70000 }'),
    status: 422,
    says: [/spec\.ports\.http/, /70000/, /65535/],
  },
  'a port range that ends before it begins': {
    file: 'kind: Filter\nmetadata: { tenant: acme, name: odd }\nspec: { entries: [{ name: x, protocol: tcp, destinationPorts: 90-80 }] }\n',
    status: 422,
    says: [/destinationPorts/, /"90-80"/, /allowed are a port from 1 to 65535 or a range/],
  },
  'a name with a slash': {
    file: 'kind: Tenant\nmetadata: { name: acme/evil }\n',
    status: 422,
    says: [/metadata\.name/, /"acme\/evil"/, /allowed are/],
  },
  'a contract that does not exist': {
    file: epg('{ provides: [nothing] }'),
    status: 422,
    says: [/Epg acme\/more\/one spec\.provides\[0\]/, /"nothing"/, /allowed are shop--web--api--http/],
  },
  'a connection to a service that does not exist': {
    file: RUNNING.replace('to: api', 'to: db'),
    status: 422,
    says: [/spec\.connect\[0\]\.to/, /"db"/, /allowed are web, api/],
  },
  'a filter that does not exist': {
    file: 'kind: Contract\nmetadata: { tenant: acme, name: c }\nspec: { subjects: [{ name: s, filters: [nothing] }] }\n',
    status: 422,
    says: [/Contract acme\/c spec\.subjects\[0\]\.filters\[0\]/, /"nothing", which is no Filter/, /allowed are/],
  },
  'a tenant that does not exist': {
    file: 'kind: Filter\nmetadata: { tenant: nobody, name: f }\nspec: { entries: [{ name: all }] }\n',
    status: 422,
    says: [/metadata\.tenant/, /"nobody", which is no Tenant; allowed are acme/],
  },
  'an ownership cycle': {
    file: [owned('a', 'b'), owned('b', 'a')].join('---'),
    status: 422,
    says: [/acme\/a/, /acme\/b/, /own/],
  },
  'two overlapping subnets in one VRF': {
    file: [domain('low', '10.50.0.1/16'), domain('high', '10.50.7.1/24')].join('---'),
    status: 422,
    says: [/10\.50\.0\.\d+\/16/, /10\.50\.7\.\d+\/24/, /overlap/],
  },
  'a subnet that overlaps one of a running application': {
    file: domain('more', '10.32.128.1/20'),
    status: 422,
    says: [/10\.32\./, /overlap/],
  },
  'a file of 10 MB': {
    file: `# ${'x'.repeat(10 * 1024 * 1024)}\n${RUNNING}`,
    status: 413,
    says: [/\d{8}/, /allowed are \d+/, /split/],
  },
  'what is not YAML': { file: 'kind: [Tenant\nmetadata: }', status: 400, says: [/YAML/i, /line \d+/] },
  'an unknown kind': {
    file: 'kind: Tenent\nmetadata: { name: x }\n',
    status: 422,
    says: [/"Tenent"/, /allowed are Tenant/],
  },
};

describeRoot('wrong input', () => {
  let cluster: TestCluster;
  let before: unknown;

  beforeAll(async () => {
    cluster = await TestCluster.start('wro', 1);
    await cluster.api.applyAndSettle(RUNNING);
    before = await everything();
  }, 120_000);
  afterAll(() => cluster?.stop(), 60_000);

  /** What a change would have changed: the position, the objects, the containers, and the policy in force on the host. */
  async function everything(): Promise<unknown> {
    const { position } = await cluster.api.ok<{ position: number }>('GET', '/api/v1/status');
    const kinds = ['tenants', 'vrfs', 'bridgedomains', 'filters', 'contracts', 'apps', 'epgs', 'services'];
    const objects = await Promise.all(kinds.map((plural) => cluster.api.list(plural)));
    const [host] = await cluster.api.hosts();
    return {
      position,
      objects: objects.flat().map(({ kind, metadata, spec }) => ({ kind, metadata, spec })),
      containers: (await cluster.api.running()).map((a) => a.metadata.name).sort(),
      inForce: [host?.policyPosition, host?.usage.flows],
    };
  }

  it.each(Object.entries(REFUSALS))('is refused whole, with what to do: %s', async (_what, { file, status, says }) => {
    const alone = [413, 400].includes(status);
    const { status: answered, body } = await cluster.api.call<{ code: string; message: string; retryable: boolean }>(
      'POST',
      '/api/v1/apply',
      alone ? file : `${RIGHT}${file}`,
    );
    expect({ answered, ...body }).toMatchObject({ answered: status, message: expect.any(String), retryable: false });
    const text = JSON.stringify(body).replaceAll('\\"', '"');
    for (const words of says) expect(text).toMatch(words);
    expect(await everything()).toEqual(before);
  });

  it('is refused whole when it is not JSON, whatever it is sent to', async () => {
    const headers = { 'content-type': 'application/json' };
    for (const [method, path] of [
      ['POST', '/api/v1/apply'],
      ['POST', '/api/v1/plan'],
      ['PUT', '/api/v1/filters/acme/right'],
      ['POST', '/api/v1/services/acme/shop/web/scale'],
    ] as const) {
      const { status, body } = await cluster.api.call(method, path, '{"kind": "Filter",', headers);
      expect({ path, status, body }).toMatchObject({
        path,
        status: 400,
        body: { code: 'invalid', message: expect.stringContaining('is not JSON') },
      });
    }
    expect(await everything()).toEqual(before);
  });

  it('says of right input what it says of it, once the wrong is taken out', async () => {
    const { changed } = await cluster.api.ok<{ changed: { key: string }[] }>(
      'POST',
      '/api/v1/apply',
      RIGHT.replace('---\n', ''),
    );
    expect(changed.map(({ key }) => key)).toEqual(['Filter/acme/right']);
  });
});

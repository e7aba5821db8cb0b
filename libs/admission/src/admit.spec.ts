import type { AnyObject } from '@heddle/model';
import { ACME, BOTH, Cluster, SHOP, effects, parse, ref, refusal } from './testing/cluster';

const shopCluster = (): Cluster => {
  const cluster = new Cluster();
  cluster.apply(BOTH);
  return cluster;
};

const CONTRACT = `
kind: Filter
metadata: { tenant: acme, name: web }
spec: { entries: [{ name: http, protocol: tcp, destinationPorts: 80 }] }
---
kind: Contract
metadata: { tenant: acme, name: web }
spec: { subjects: [{ name: http, filters: [web] }] }
`;

const epg = (path: string, spec: string, metadata = ''): string => {
  const [tenant, application, name] = path.split('/');
  return `\n---\nkind: Epg\nmetadata: { tenant: ${tenant}, application: ${application}, name: ${name}${metadata} }\nspec: ${spec}\n`;
};

describe('admit', () => {
  it('expands short forms and gives the whole change, what is referred to first', () => {
    const change = new Cluster().apply(BOTH);
    expect(effects(change)).toEqual([
      '+ Tenant acme',
      '+ Vrf acme/default',
      '+ BridgeDomain acme/default',
      '+ Filter acme/shop--web--api--http',
      '+ Contract acme/shop--web--api--http',
      '+ App acme/shop',
      '+ Epg acme/shop/api',
      '+ Epg acme/shop/web',
      '+ Service acme/shop/api',
      '+ Service acme/shop/web',
    ]);
    expect(change).toMatchObject({
      changeId: 'c1',
      by: { principal: 'olga' },
      at: '2026-11-24T07:00:00Z',
      verb: 'apply',
      summary: 'apply Tenant acme, App acme/shop: 10 created',
    });
    expect(change.objects[0]).toEqual({
      key: 'Tenant/acme',
      before: null,
      after: {
        apiVersion: 'heddle/v1',
        kind: 'Tenant',
        metadata: { name: 'acme', labels: {}, annotations: {}, uid: 'u1', revision: 1, generation: 1 },
        spec: { network: { gateway: '10.32.0.1/16' } },
      },
    });
  });

  it('changes nothing when the same is written again', () => {
    const cluster = shopCluster();
    const again = cluster.apply(BOTH);
    expect(again.objects).toEqual([]);
    expect(again.summary).toBe('apply: nothing changes');
    expect(cluster.request({ puts: [cluster.get('App acme/shop') as AnyObject] }).objects).toEqual([]);
  });

  it('changes only what differs, keeps uids and counts generations', () => {
    const cluster = shopCluster();
    const before = cluster.get('Service acme/shop/web')?.metadata;
    const change = cluster.apply(SHOP.replace('replicas: 3', 'replicas: 6'));
    expect(effects(change)).toEqual(['~ App acme/shop', '~ Service acme/shop/web']);
    expect(cluster.get('Service acme/shop/web')).toMatchObject({
      metadata: { uid: before?.uid, revision: 2, generation: 2, generated: true },
      spec: { replicas: 6 },
    });
    expect(cluster.get('Service acme/shop/api')?.metadata.revision).toBe(1);
  });

  it('counts a change of labels as a revision, not as a generation', () => {
    const cluster = shopCluster();
    cluster.apply(ACME.replace('name: acme', 'name: acme, labels: { stage: test }'));
    expect(cluster.get('Tenant acme')?.metadata).toMatchObject({
      labels: { stage: 'test' },
      revision: 2,
      generation: 1,
    });
    expect(cluster.get('Vrf acme/default')?.metadata).toMatchObject({
      labels: { stage: 'test' },
      revision: 2,
      generation: 1,
    });
  });

  it('lets go what a short form no longer generates', () => {
    const cluster = shopCluster();
    const change = cluster.apply(
      SHOP.replace('- { from: web, to: api, port: http }', '').replace('connect:', 'connect: []'),
    );
    expect(effects(change)).toEqual([
      '- Filter acme/shop--web--api--http',
      '- Contract acme/shop--web--api--http',
      '~ App acme/shop',
      '~ Epg acme/shop/api',
      '~ Epg acme/shop/web',
    ]);
  });

  it('gives an object that is created again another uid', () => {
    const cluster = shopCluster();
    const first = cluster.get('Epg acme/shop/web')?.metadata.uid;
    cluster.delete('App acme/shop');
    cluster.apply(SHOP);
    const second = cluster.get('Epg acme/shop/web')?.metadata;
    expect(second?.uid).not.toBe(first);
    expect(second).toMatchObject({ generation: 1, revision: 3 });
  });

  it('ignores in a written object what only Heddle sets', () => {
    const cluster = new Cluster();
    const [tenant] = parse(ACME) as [AnyObject];
    cluster.request({
      puts: [
        {
          ...tenant,
          metadata: { ...tenant.metadata, uid: 'x', revision: 9, generation: 9, generated: true },
          status: { a: 1 },
        },
      ],
    });
    expect(cluster.get('Tenant acme')).not.toHaveProperty('status');
    expect(cluster.get('Tenant acme')?.metadata).toEqual({
      name: 'acme',
      labels: {},
      annotations: {},
      uid: 'u1',
      revision: 1,
      generation: 1,
    });
  });
});

describe('the time of a restart', () => {
  const AT = '2026-11-24T07:00:00Z';
  const restarted = (): Cluster => {
    const cluster = shopCluster();
    cluster.apply(SHOP.replace('replicas: 3', `replicas: 3, restartedAt: ${AT}`));
    return cluster;
  };
  const times = (cluster: Cluster): unknown[] =>
    ['web', 'api'].map(
      (name) => (cluster.get(`Service acme/shop/${name}`)?.spec as { restartedAt?: string }).restartedAt,
    );
  const JOB = `
kind: Service
metadata: { tenant: acme, application: shop, name: job }
spec: { image: heddle/demo, epg: web }
`;

  it('stays when the file that lacks it is applied again, which changes nothing', () => {
    const cluster = restarted();
    expect(cluster.apply(SHOP).objects).toEqual([]);
    expect(cluster.request({ verb: 'put', puts: parse(SHOP) }).objects).toEqual([]);
    expect(times(cluster)).toEqual([AT, undefined]);
  });

  it('stays while something else of its service changes, and gives way to another time', () => {
    const cluster = restarted();
    cluster.apply(SHOP.replace('replicas: 3', 'replicas: 6'));
    expect(times(cluster)).toEqual([AT, undefined]);
    expect(cluster.get('App acme/shop')?.spec).toMatchObject({ services: { web: { replicas: 6, restartedAt: AT } } });
    cluster.apply(SHOP.replace('replicas: 3', 'replicas: 6, restartedAt: later'));
    expect(times(cluster)).toEqual(['later', undefined]);
  });

  it('stays in a Service that a person writes', () => {
    const cluster = shopCluster();
    cluster.apply(JOB.replace('epg: web', `epg: web, restartedAt: ${AT}`));
    expect(cluster.apply(JOB).objects).toEqual([]);
    cluster.delete('Service acme/shop/job');
    cluster.apply(JOB);
    expect(cluster.get('Service acme/shop/job')?.spec).not.toHaveProperty('restartedAt');
  });

  it('stays when an App takes a Service over, so that no instance is replaced', () => {
    const cluster = shopCluster();
    cluster.apply(JOB.replace('shop', 'blog').replace('epg: web', `restartedAt: ${AT}`) + epg('acme/blog/job', '{}'));
    cluster.request({
      puts: parse(
        'kind: App\nmetadata: { tenant: acme, name: blog }\nspec: { services: { job: { image: heddle/demo } } }',
      ),
      deletes: [ref('Service acme/blog/job'), ref('Epg acme/blog/job')],
    });
    expect(cluster.get('Service acme/blog/job')).toMatchObject({
      metadata: { generated: true },
      spec: { restartedAt: AT },
    });
  });
});

describe('deleting', () => {
  it('takes everything along that is owned', () => {
    const cluster = shopCluster();
    expect(cluster.delete('App acme/shop').objects.every(({ after }) => after === null)).toBe(true);
    expect(cluster.names()).toEqual(['BridgeDomain acme/default', 'Tenant acme', 'Vrf acme/default']);
    cluster.delete('Tenant acme');
    expect(cluster.names()).toEqual([]);
  });

  it('takes along what owned objects own, and leaves what lost its owner in the same request', () => {
    const cluster = shopCluster();
    const owned = (name: string, owner: string): string =>
      epg(`acme/extra/${name}`, '{}', owner && `, owner: ${owner}`);
    cluster.apply(
      owned('a', '{ kind: App, path: acme/shop }') +
        owned('b', '{ kind: Epg, path: acme/extra/a }') +
        owned('c', '{ kind: Epg, path: acme/extra/b }') +
        owned('d', '{ kind: Epg, path: acme/extra/c }'),
    );
    cluster.request({ deletes: [ref('App acme/shop')], puts: parse(owned('c', '')) });
    expect(cluster.names().filter((name) => name.startsWith('Epg'))).toEqual(['Epg acme/extra/c', 'Epg acme/extra/d']);
  });

  it('takes along what was owned by an object that is no longer generated', () => {
    const cluster = shopCluster();
    cluster.apply(epg('acme/extra/a', '{}', ', owner: { kind: Epg, path: acme/shop/web }'));
    cluster.apply(SHOP.replaceAll('web', 'front'));
    expect(cluster.names().filter((name) => name.startsWith('Epg'))).toEqual([
      'Epg acme/shop/api',
      'Epg acme/shop/front',
    ]);
  });

  it('makes room for what the same request generates', () => {
    const cluster = shopCluster();
    cluster.apply(epg('acme/blog/web', '{}', ', owner: { kind: App, path: acme/shop }'));
    cluster.request({ deletes: [ref('App acme/shop')], puts: parse(SHOP.replace('name: shop', 'name: blog')) });
    expect(cluster.get('Epg acme/blog/web')?.metadata).toMatchObject({ generated: true, owner: { path: 'acme/blog' } });
  });

  it('is refused while others need it, and lists them', () => {
    const cluster = shopCluster();
    cluster.apply(CONTRACT + epg('acme/extra/a', '{ consumes: [web] }') + epg('acme/extra/b', '{ provides: [web] }'));
    const tryDelete = (...names: string[]): unknown => refusal(() => cluster.delete(...names));
    expect(tryDelete('Contract acme/web')).toEqual({
      code: 'refused',
      problems: [
        'Contract acme/web: cannot be deleted: it is used by Epg acme/extra/a, Epg acme/extra/b; change or delete what uses it first',
      ],
    });
    expect(tryDelete('Filter acme/web')).toEqual({
      code: 'refused',
      problems: [
        'Filter acme/web: cannot be deleted: it is used by Contract acme/web; change or delete what uses it first',
      ],
    });
    expect(tryDelete('Tenant acme')).toEqual({
      code: 'refused',
      problems: [
        'Tenant acme: cannot be deleted: it is used by App acme/shop, Contract acme/web, Epg acme/extra/a, Epg acme/extra/b, Filter acme/web; ' +
          'change or delete what uses it first',
      ],
    });
    expect(
      cluster.delete('Contract acme/web', 'Filter acme/web', 'Epg acme/extra/a', 'Epg acme/extra/b').objects,
    ).toHaveLength(4);
  });

  it('is refused when something that is owned is needed by others', () => {
    const cluster = shopCluster();
    cluster.apply(
      'kind: Service\nmetadata: { tenant: acme, application: shop, name: extra }\nspec: { image: heddle/demo, epg: web }',
    );
    expect(refusal(() => cluster.delete('App acme/shop'))).toEqual({
      code: 'refused',
      problems: [
        'App acme/shop: cannot be deleted: Epg acme/shop/web, which it owns, is used by Service acme/shop/extra; change or delete what uses it first',
      ],
    });
    expect(refusal(() => cluster.apply(SHOP.replaceAll('web', 'front')))).toEqual({
      code: 'refused',
      problems: [
        'App acme/shop: Epg acme/shop/web, which would go with this change, is used by Service acme/shop/extra; change or delete what uses it first',
      ],
    });
  });

  it.each([
    ['VRF', 'Vrf acme/red', 'BridgeDomain acme/red'],
    ['bridge domain', 'BridgeDomain acme/red', 'App acme/blog, Epg acme/extra/a'],
    ['domain', 'Domain lan', 'App acme/blog, Epg acme/extra/a, Host h1'],
    ['fabric', 'Fabric main', 'Domain wire'],
    ['EPG', 'Epg acme/extra/a', 'Endpoint acme/extra/vm'],
  ])('is refused for a %s in use', (_what, name, users) => {
    const cluster = shopCluster();
    cluster.apply(
      `
kind: Domain
metadata: { name: lan }
spec: { driver: ovs }
---
kind: Host
metadata: { name: h1 }
spec: { underlay: 192.0.2.1, capacity: { cpu: 1, memory: 1000 }, domains: [lan] }
---
kind: Vrf
metadata: { tenant: acme, name: red }
---
kind: BridgeDomain
metadata: { tenant: acme, name: red }
spec: { vrf: red, subnets: [{ gateway: 10.40.0.1/24 }] }
---
kind: App
metadata: { tenant: acme, name: blog }
spec: { bridgeDomain: red, services: { web: { image: heddle/demo, domain: lan } } }
---
kind: Fabric
metadata: { name: main }
spec: { driver: ovs-leaf }
---
kind: Domain
metadata: { name: wire }
spec: { driver: macvlan, fabric: main, uplink: fabric, vlans: "100-199" }
---
kind: Endpoint
metadata: { tenant: acme, application: extra, name: vm }
spec:
  endpointKind: vm
  mac: 52:54:00:00:00:01
  addresses: [10.40.0.9]
  epg: a
  attachment: { driver: ovs, interfaceId: vm-1 }` + epg('acme/extra/a', '{ bridgeDomain: red, domain: lan }'),
    );
    expect(refusal(() => cluster.delete(name))).toEqual({
      code: 'refused',
      problems: [`${name}: cannot be deleted: it is used by ${users}; change or delete what uses it first`],
    });
  });

  it('says what does not exist', () => {
    expect(refusal(() => new Cluster().delete('App acme/shop'))).toEqual({
      code: 'not-found',
      problems: ['App acme/shop: does not exist, so it cannot be deleted'],
    });
  });
});

describe('generated objects', () => {
  it('are changed through their owner only', () => {
    const cluster = shopCluster();
    expect(refusal(() => cluster.apply(epg('acme/shop/web', '{ isolation: enforced }')))).toEqual({
      code: 'refused',
      problems: [
        'Epg acme/shop/web: is generated by App acme/shop and cannot be written by itself; change App acme/shop instead',
      ],
    });
    expect(refusal(() => cluster.delete('Epg acme/shop/web'))).toEqual({
      code: 'refused',
      problems: [
        'Epg acme/shop/web: is generated by App acme/shop and cannot be deleted by itself; change App acme/shop instead',
      ],
    });
    const [app] = parse(SHOP) as [AnyObject];
    expect(refusal(() => cluster.request({ puts: [app], deletes: [ref('Epg acme/shop/web')] })).code).toBe('refused');
  });

  it('may be named when they go with their owner', () => {
    const cluster = shopCluster();
    expect(cluster.delete('App acme/shop', 'Epg acme/shop/web').objects).toHaveLength(7);
  });

  it('do not meet what a person wrote', () => {
    const cluster = new Cluster();
    cluster.apply(ACME + epg('acme/shop/web', '{}'));
    const message = (whose: string): string =>
      `App acme/shop: generates Epg acme/shop/web, ${whose}; leave one of them out or rename it`;
    expect(refusal(() => cluster.apply(SHOP))).toEqual({
      code: 'refused',
      problems: [message('which a person wrote')],
    });
    expect(refusal(() => new Cluster().apply(BOTH + epg('acme/shop/web', '{}')))).toEqual({
      code: 'refused',
      problems: [message('which the same request writes')],
    });
  });

  it('can take the place of a written object that goes, and give it back, as the same object', () => {
    const cluster = new Cluster();
    cluster.apply(ACME + epg('acme/shop/web', '{}'));
    const uid = cluster.get('Epg acme/shop/web')?.metadata.uid;
    cluster.request({ puts: parse(SHOP), deletes: [ref('Epg acme/shop/web')] });
    expect(cluster.get('Epg acme/shop/web')?.metadata).toMatchObject({ uid, generated: true });
    cluster.request({ puts: parse(epg('acme/shop/web', '{}')), deletes: [ref('App acme/shop')] });
    expect(cluster.get('Epg acme/shop/web')?.metadata.uid).toBe(uid);
    expect(cluster.get('Epg acme/shop/web')?.metadata).not.toHaveProperty('generated');
  });
});

describe('ownership', () => {
  const app = (name: string, owner: string): string =>
    `\n---\nkind: App\nmetadata: { tenant: acme, name: ${name}, owner: { kind: App, path: ${owner} } }\nspec: { services: {} }\n`;

  it('refuses cycles and tells them', () => {
    expect(
      refusal(() => new Cluster().apply(ACME + app('a', 'acme/b') + app('b', 'acme/c') + app('c', 'acme/a'))),
    ).toEqual({
      code: 'invalid',
      problems: [
        'App acme/a metadata.owner: its owners form a cycle: App acme/a -> App acme/b -> App acme/c -> App acme/a; leave the owner out of one of them',
      ],
    });
    expect(refusal(() => new Cluster().apply(ACME + app('a', 'acme/a'))).problems).toEqual([
      'App acme/a metadata.owner: its owners form a cycle: App acme/a -> App acme/a; leave the owner out of one of them',
    ]);
  });

  it('refuses a cycle that only the resulting state closes', () => {
    const cluster = new Cluster();
    cluster.apply(`${ACME}---${SHOP.replace('shop', 'a')}${app('b', 'acme/a')}`);
    expect(refusal(() => cluster.apply(app('a', 'acme/b'))).problems).toContain(
      'App acme/a metadata.owner: its owners form a cycle: App acme/a -> App acme/b -> App acme/a; leave the owner out of one of them',
    );
  });

  it('refuses owners that are not there, that go, and those of other tenants', () => {
    const cluster = shopCluster();
    cluster.apply(ACME.replace('acme', 'blue'));
    const problem = (owner: string, extra = {}): string[] =>
      refusal(() => cluster.request({ puts: parse(epg('acme/x/y', '{}', `, owner: ${owner}`)), ...extra })).problems;
    const rest = 'name an object that exists as the owner, or leave the owner out';
    expect(problem('{ kind: App, path: acme/none }')).toEqual([
      `Epg acme/x/y metadata.owner: found App acme/none, which does not exist; ${rest}`,
    ]);
    expect(problem('{ kind: App, path: acme/shop }', { deletes: [ref('App acme/shop')] })).toEqual([
      `Epg acme/x/y metadata.owner: found App acme/shop, which this request deletes; ${rest}`,
    ]);
    for (const owner of ['{ kind: Tenant, path: blue }', '{ kind: App, path: blue/none }']) {
      expect(problem(owner)[0]).toContain('an owner is of the same tenant as what it owns, or of the cluster');
    }
    const domain = (owner: string): string =>
      `kind: Domain\nmetadata: { name: lan, owner: ${owner} }\nspec: { driver: ovs }`;
    expect(refusal(() => cluster.apply(domain('{ kind: App, path: acme/shop }'))).problems[0]).toContain(
      'or of the cluster',
    );
  });
});

describe('requests', () => {
  it('are refused when a revision is no longer true', () => {
    const cluster = shopCluster();
    const attempt = (expectedRevisions: Record<string, number>): string[] =>
      refusal(() => cluster.request({ puts: parse(SHOP.replace('3', '4')), expectedRevisions })).problems;
    expect(attempt({ 'App/acme/shop': 7 })).toEqual([
      'App acme/shop: found revision 1, expected 7: it changed since it was read; read it again and repeat the change',
    ]);
    expect(attempt({ 'App/acme/shop': 0 })).toEqual([
      'App acme/shop: exists already, with revision 1; expected none; read it again and repeat the change',
    ]);
    expect(attempt({ 'App/acme/blog': 1 })).toEqual([
      'App acme/blog: does not exist (any more), expected revision 1; read it again and repeat the change',
    ]);
    expect(
      cluster.request({
        puts: parse(SHOP.replace('3', '4')),
        expectedRevisions: { 'App/acme/shop': 1, 'App/acme/blog': 0 },
      }).objects,
    ).toHaveLength(2);
  });

  it('are refused with all that is wrong, whole', () => {
    const cluster = shopCluster();
    const before = cluster.state;
    const { code, problems } = refusal(() =>
      cluster.request({
        puts: parse(
          `${SHOP}---${SHOP}` +
            epg('acme/x/a--b', '{ consumes: [none] }') +
            epg('acme/x/c', '{ bridgeDomain: none }') +
            epg('nobody/x/c', '{}'),
        ),
        deletes: [ref('Vrf acme/none'), ref('App acme/shop')],
        expectedRevisions: { 'Tenant/acme': 5 },
      }),
    );
    expect(code).toBe('conflict');
    expect(problems.map((p) => p.split(';')[0])).toEqual([
      'App acme/shop: is written twice in one request',
      'App acme/shop: is written and deleted in one request',
      'Epg acme/x/a--b metadata.name: found "a--b"',
      'Tenant acme: found revision 1, expected 5: it changed since it was read',
      'Vrf acme/none: does not exist, so it cannot be deleted',
      'Epg nobody/x/c metadata.tenant: found "nobody", which is no Tenant',
      'Epg acme/x/a--b spec.consumes[0]: found "none", which is no Contract of tenant acme',
      'Epg acme/x/c spec.bridgeDomain: found "none", which is no BridgeDomain of tenant acme',
      'Epg nobody/x/c spec.bridgeDomain: found "default", which is no BridgeDomain of tenant nobody',
    ]);
    expect(cluster.state).toBe(before);
  });

  it('may not write what only Heddle writes', () => {
    const allocation = {
      kind: 'Allocation',
      metadata: { tenant: 'acme', application: 'shop', name: 'web-0', labels: {}, annotations: {} },
    };
    const message =
      'Allocation acme/shop/web-0: objects of kind Allocation are written by Heddle only; change what they are derived from';
    const cluster = shopCluster();
    expect(refusal(() => cluster.request({ puts: [allocation as unknown as AnyObject] }))).toEqual({
      code: 'refused',
      problems: [message],
    });
    expect(refusal(() => cluster.delete('Allocation acme/shop/web-0'))).toEqual({
      code: 'refused',
      problems: [message],
    });
  });

  it('may not name services or ports so that generated names become ambiguous', () => {
    const text = `${ACME}---${SHOP.replaceAll('web', 'w--b').replaceAll('http', 'h--p').replace('shop', 's--p')}`;
    expect(refusal(() => new Cluster().apply(text)).problems.map((p) => p.split(':')[0])).toEqual([
      'App acme/s--p metadata.name',
      'App acme/s--p spec.services.w--b',
      'App acme/s--p spec.services.api.ports.h--p',
    ]);
  });

  it('say a fault of a short form once, where it was written', () => {
    const { problems } = refusal(() => new Cluster().apply(BOTH.replace('spec:', 'spec:\n  bridgeDomain: lan')));
    expect(problems).toEqual([
      'App acme/shop spec.bridgeDomain: found "lan", which is no BridgeDomain of tenant acme; allowed are default',
    ]);
  });

  it('are not refused for what was wrong before', () => {
    const cluster = shopCluster();
    const [stray] = parse(epg('acme/x/stray', '{ consumes: [gone] }')) as [AnyObject];
    cluster.state = new Map([...cluster.state, ['Epg/acme/x/stray', stray]]);
    expect(effects(cluster.apply(CONTRACT))).toEqual(['+ Filter acme/web', '+ Contract acme/web']);
    expect(refusal(() => cluster.apply(epg('acme/x/y', '{ consumes: [gone] }'))).problems).toHaveLength(1);
  });
});

describe('a principal of one tenant', () => {
  const anna = { principal: 'anna', tenant: 'acme' };

  it('changes what is in the tenant', () => {
    const cluster = new Cluster();
    cluster.apply(ACME);
    expect(cluster.apply(SHOP, anna).by).toEqual(anna);
  });

  it.each([
    ['an object of another tenant', { puts: parse(SHOP.replace('acme', 'blue')) }, 'App blue/shop'],
    [
      'an object of the cluster',
      { puts: parse('kind: Domain\nmetadata: {name: lan}\nspec: {driver: ovs}') },
      'Domain lan',
    ],
    ['their own tenant', { deletes: [ref('Tenant acme')] }, 'Tenant acme'],
    ['another tenant by a revision', { puts: parse(SHOP), expectedRevisions: { 'App/blue/shop': 1 } }, 'App blue/shop'],
  ])('may not touch %s, and learns nothing of it', (_what, request, name) => {
    const cluster = shopCluster();
    expect(refusal(() => cluster.request({ ...request }, anna))).toEqual({
      code: 'forbidden',
      problems: [`${name}: anna is limited to tenant acme; allowed are objects within that tenant`],
    });
  });

  it('is told when the tenant is gone', () => {
    expect(refusal(() => new Cluster().apply(SHOP, anna))).toEqual({
      code: 'not-found',
      problems: ['Tenant acme: does not exist (any more); an operator of the cluster can create it'],
    });
  });
});

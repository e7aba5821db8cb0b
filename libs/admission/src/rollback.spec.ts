import { ACME, BOTH, Cluster, SHOP, parse, ref } from './testing/cluster';
import { rollbackRequest } from './rollback';
import { undoChange } from './state';

describe('rollbackRequest', () => {
  it('brings back what was changed, deleted and added, and leaves generated objects to their owners', () => {
    const cluster = new Cluster();
    cluster.apply(BOTH);
    const target = cluster.state;
    cluster.apply(SHOP.replace('replicas: 3', 'replicas: 9'));
    cluster.apply(`${SHOP.replace('shop', 'blog')}---${ACME.replace('acme', 'blue')}`);
    const request = rollbackRequest(cluster.state, target);
    expect(request.puts.map((o) => o.kind)).toEqual(['App']);
    expect(request.deletes).toEqual([ref('Tenant blue'), ref('App acme/blog')]);
    cluster.request(request);
    expect(cluster.names()).toEqual([...target.keys()].map((key) => key.replace('/', ' ')).sort());
    expect(cluster.get('Service acme/shop/web')?.spec).toMatchObject({ replicas: 3 });
    expect(rollbackRequest(cluster.state, target)).toMatchObject({ puts: [], deletes: [] });
  });

  it('takes a restart back too: what a file leaves out stays, what an object was is said', () => {
    const cluster = new Cluster();
    cluster.apply(BOTH);
    const target = cluster.state;
    cluster.apply(SHOP.replace('replicas: 3', 'replicas: 3, restartedAt: now'));
    cluster.request(rollbackRequest(cluster.state, target));
    expect(cluster.get('Service acme/shop/web')?.spec).toEqual(target.get('Service/acme/shop/web')?.spec);
    expect(rollbackRequest(cluster.state, target)).toMatchObject({ puts: [], deletes: [] });
  });

  it('keeps to its scope, and hosts out of it', () => {
    const cluster = new Cluster();
    cluster.apply(BOTH);
    const target = cluster.state;
    const host = 'kind: Host\nmetadata: { name: h1 }\nspec: { underlay: 192.0.2.1, capacity: { cpu: 1, memory: 1 } }';
    cluster.apply(
      `${SHOP.replace('3', '4')}---${SHOP.replace('shop', 'blog')}---${ACME.replace('acme', 'blue')}---\n${host}`,
    );
    const named = (scope?: Parameters<typeof rollbackRequest>[2]): string[] => {
      const { puts, deletes } = rollbackRequest(cluster.state, target, scope);
      return [...puts.map((o) => `~ ${o.kind} ${o.metadata.name}`), ...deletes.map((r) => `- ${r.kind} ${r.path}`)];
    };
    expect(named()).toEqual(['~ App shop', '- Tenant blue', '- App acme/blog']);
    expect(named({ tenant: 'acme' })).toEqual(['~ App shop', '- App acme/blog']);
    expect(named({ tenant: 'acme', application: 'shop' })).toEqual(['~ App shop']);
  });
});

describe('undoChange', () => {
  it('gives the state before', () => {
    const cluster = new Cluster();
    cluster.apply(BOTH);
    const before = cluster.state;
    const change = cluster.request({ deletes: [ref('App acme/shop')], puts: parse(ACME.replace('acme', 'blue')) });
    expect(new Map([...undoChange(cluster.state, change)].sort())).toEqual(new Map([...before].sort()));
  });
});

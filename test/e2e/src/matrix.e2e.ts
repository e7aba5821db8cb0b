import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describeRoot, TestCluster } from './cluster';
import { surprises } from './oracle';

const SHOP = readFileSync(path.resolve(__dirname, '../../../deploy/examples/shop.yaml'), 'utf8');

describeRoot('an application and its network policy', () => {
  let cluster: TestCluster;
  beforeAll(async () => (cluster = await TestCluster.start('mat', 3)), 120_000);
  afterAll(() => cluster?.stop(), 60_000);

  it('runs with every connection open or closed as its file says, before and after scaling', async () => {
    await cluster.api.applyAndSettle(SHOP);
    expect(await cluster.api.running()).toHaveLength(6);
    const first = await cluster.api.probe('acme', 'shop');
    expect(first.results).toHaveLength(60);
    expect(await surprises(cluster.api, first.results)).toEqual([]);
    // Between EPGs: each web to each api, each api to db, on one port each.
    const between = first.results.filter((r) => r.observed === 'open' && r.source.epg !== r.destination.epg);
    expect(between).toHaveLength(3 * 2 + 2 * 1);

    const { position } = await cluster.api.ok<{ position: number }>('POST', '/api/v1/services/acme/shop/web/scale', {
      replicas: 6,
    });
    await cluster.api.settled(position);
    expect(await cluster.api.running()).toHaveLength(9);
    const second = await cluster.api.probe('acme', 'shop');
    expect(second.results).toHaveLength(144);
    expect(second.mismatches).toBe(0);
    expect(await surprises(cluster.api, second.results)).toEqual([]);
  }, 120_000);

  it('changes nothing when it is applied again', async () => {
    const before = (await cluster.api.running()).map((a) => a.metadata.name).sort();
    const file = SHOP.replace('replicas: 3', 'replicas: 6');
    const { changed, position } = await cluster.api.ok<{ changed: unknown[]; position: number }>(
      'POST',
      '/api/v1/apply',
      file,
    );
    expect(changed).toEqual([]);
    await cluster.api.settled(position);
    expect((await cluster.api.running()).map((a) => a.metadata.name).sort()).toEqual(before);
  }, 60_000);
});

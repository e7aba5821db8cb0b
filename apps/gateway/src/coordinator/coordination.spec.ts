import { FakeFiles, waitFor } from '@heddle/host';
import { MemoryBus, MemoryStore, type MemoryStream } from '@heddle/messaging';
import { RpcClient } from '@heddle/service';
import type { ApiClient } from '../testing/api-client';
import { FakeOwners } from '../testing/fake-owners';
import { SHOP, TENANT } from '../testing/files';
import { startWithOwners, TestGateway } from '../testing/test-gateway';

const WITHIN = { deadlineMs: 20_000, what: 'it' };
const SCALE = '/api/v1/services/acme/shop/web/scale';

describe('coordination of changes', () => {
  let store: MemoryStore;
  let gateway: TestGateway;
  let owners: FakeOwners;
  let api: ApiClient;
  const others: TestGateway[] = [];

  beforeEach(async () => {
    store = new MemoryStore();
    ({ gateway, owners } = await startWithOwners({ store }));
    api = gateway.api();
  });
  afterEach(async () => {
    await owners.close();
    await Promise.all([gateway, ...others.splice(0)].map((g) => g.stop()));
  });

  const log = (): MemoryStream => store.streams.get('CHANGES') as MemoryStream;
  const changes = (): number => log().content.filter((record) => !record.subject.endsWith('._epoch')).length;
  const second = async (): Promise<TestGateway> => {
    const other = await TestGateway.start({ store, hub: gateway.hub, name: 'gateway@second', leading: false });
    others.push(other);
    return other;
  };

  it('admits changes one after the other, each built on the one before', async () => {
    await api.apply(SHOP).expect(200);
    const answers = await Promise.all(Array.from({ length: 10 }, (_, i) => api.post(SCALE, { replicas: i + 10 })));
    expect(answers.map((a) => a.status)).toEqual(Array(10).fill(200));
    const positions = answers.map((a) => a.body.position as number).sort((a, b) => a - b);
    expect(new Set(positions).size).toBe(10);
    const last = answers.find((a) => a.body.position === positions.at(-1));
    const replicas = (await api.get('/api/v1/apps/acme/shop')).body.spec.services.web.replicas;
    expect(answers.indexOf(last as (typeof answers)[number]) + 10).toBe(replicas);
    for (const check of owners.checked)
      expect(
        check.change.objects.every(
          (o) => o.before === null || (o.before.metadata.revision as number) <= check.basePosition,
        ),
      ).toBe(true);
  });

  it('changes nothing when an owner does not answer, and says which one', async () => {
    await owners.close();
    const { body } = await api.apply(SHOP).expect(503);
    expect(body).toMatchObject({
      code: 'unavailable',
      retryable: true,
      message: expect.stringContaining('policy could not check the change'),
      problems: [{ path: 'policy' }],
    });
    expect(changes()).toBe(1);
    owners = new FakeOwners(gateway.hub);
    await api.apply(SHOP).expect(200);
  });

  it('is asked by other services as well, on behalf of whom they name', async () => {
    const rpc = new RpcClient(new MemoryBus({ hub: gateway.hub, name: 'inventory' }));
    const host = {
      kind: 'Host',
      metadata: { name: 'h1', labels: {}, annotations: {} },
      spec: { underlay: '192.0.2.11', capacity: { cpu: 2, memory: 1e9 } },
    };
    const request = { verb: 'register', puts: [host as never], deletes: [] };
    const context = { principal: 'host:h1', requestId: 'r1' };
    const { position, change } = await rpc.call('gateway.admit', request, { context });
    expect(change).toMatchObject({ by: { principal: 'host:h1' }, verb: 'register', position });
    expect((await api.get('/api/v1/hosts/h1').expect(200)).body.spec.zone).toBe('default');
    await expect(
      rpc.call('gateway.admit', { ...request, puts: [{ ...host, spec: {} } as never] }, { context }),
    ).rejects.toMatchObject({ code: 'invalid' });
    await expect(rpc.call('gateway.admit', { verb: 'x' } as never, { context })).rejects.toMatchObject({
      code: 'invalid',
    });
  });

  it('is left to the holder of the lease; other gateways pass changes on and show them at once', async () => {
    const other = await second();
    expect(await other.readiness('coordinator')).not.toBe(true);
    const { body } = await other.api().apply(SHOP).expect(200);
    expect((await other.api().get('/api/v1/services/acme/shop/web').expect(200)).body.metadata.revision).toBe(
      body.position,
    );
    expect((await api.get('/api/v1/services/acme/shop/web').expect(200)).body.metadata.revision).toBe(body.position);
    await other.api().post(SCALE, { replicas: 7 }).expect(200);
    expect((await other.api().get('/api/v1/changes')).body.items[0]).toMatchObject({
      by: { principal: 'admin' },
      verb: 'scale',
    });
  });

  it('passes to another gateway when the coordinator goes, and a change waits for that', async () => {
    await api.apply(SHOP).expect(200);
    const other = await second();
    await gateway.stop();
    const { body } = await other.api().post(SCALE, { replicas: 7 }).expect(200);
    expect(body.changed).toHaveLength(2);
    expect(await other.readiness('coordinator')).toBe(true);
  });

  it('answers that it does not know when the log does not, and knows afterwards', async () => {
    await api.apply(TENANT).expect(200);
    const stream = log();
    stream.fate = (record) => (record.subject.includes('.record.') ? 'lose-ack' : 'take');
    const pending = api.apply(SHOP).set('idempotency-key', 'shop-1');
    const answered = pending.then((answer) => answer);
    await waitFor(() => changes() === 3, WITHIN);
    stream.fate = () => 'take';
    // The writer asks the stream, finds the change there, and acknowledges it.
    expect((await answered).status).toBe(200);
    await api.apply(SHOP).set('idempotency-key', 'shop-1').expect(200);
    expect(changes()).toBe(3);
    await api.post(SCALE, { replicas: 7 }).expect(200);
  });

  it('goes on from what was saved after a restart, with the whole history', async () => {
    const files = gateway.files;
    await api.apply(SHOP).expect(200);
    const before = (await api.get('/api/v1/apps/acme/shop')).body;
    await gateway.stop();
    gateway = await TestGateway.start({ store, hub: gateway.hub, files });
    api = gateway.api();
    expect((await api.get('/api/v1/apps/acme/shop')).body).toEqual(before);
    expect((await api.get('/api/v1/changes')).body.items).toHaveLength(2);
    await api.post(SCALE, { replicas: 7 }).expect(200);
    expect(changes()).toBe(3);
  });

  it('goes on from the log alone when nothing was saved', async () => {
    await api.apply(SHOP).expect(200);
    await gateway.stop();
    store.streams.delete('KV_desired');
    gateway = await TestGateway.start({ store, hub: gateway.hub, files: new FakeFiles() });
    expect((await gateway.api().get('/api/v1/services?application=shop')).body.items).toHaveLength(2);
  });

  it('takes a change that is too large for a message', async () => {
    log().maxRecord = 2_000;
    await api.apply(SHOP).expect(200);
    expect((await api.get('/api/v1/services/acme/shop/web').expect(200)).body.spec.replicas).toBe(3);
    const { body } = await api.get('/api/v1/changes');
    expect((await api.get(`/api/v1/changes/${body.items[0].position}`)).body.objects.length).toBeGreaterThan(8);
  });
});

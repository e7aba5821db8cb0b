import { FakeFiles, waitFor } from '@heddle/host';
import { MemoryStore, type MemoryStream } from '@heddle/messaging';
import type { FakeOwners } from '../testing/fake-owners';
import { SHOP } from '../testing/files';
import { startWithOwners, TestGateway } from '../testing/test-gateway';

const SCALE = '/api/v1/services/acme/shop/web/scale';
const WITHIN = { deadlineMs: 20_000, what: 'the gateway to notice' };

type Copy = Map<string, ReturnType<MemoryStream['copy']>>;

const copyOf = (store: MemoryStore): Copy => new Map([...store.streams].map(([name, stream]) => [name, stream.copy()]));
const restore = (store: MemoryStore, copy: Copy): void => {
  for (const [name, stream] of store.streams) stream.restore(copy.get(name));
};

describe('a store that is not the one it was', () => {
  let store: MemoryStore;
  let files: FakeFiles;
  let gateway: TestGateway;
  let owners: FakeOwners;

  beforeEach(async () => {
    store = new MemoryStore();
    files = new FakeFiles();
    ({ gateway, owners } = await startWithOwners({ store, files }));
    await gateway.api().apply(SHOP).expect(200);
  });
  afterEach(async () => {
    await owners.close();
    await gateway.stop();
  });

  const again = async (other: MemoryStore = store): Promise<void> => {
    await gateway.stop();
    gateway = await TestGateway.start({ store: other, hub: gateway.hub, files, leading: false });
  };
  const storeState = async (): Promise<string> => (await gateway.api().get('/api/v1/status')).body.store.state;
  const expectRefused = async (explain: RegExp): Promise<void> => {
    const { body } = await gateway.api().apply(SHOP).expect(409);
    expect(body).toMatchObject({ code: 'state', retryable: false, message: expect.stringMatching(explain) });
    expect(await gateway.readiness('store')).toMatch(explain);
    expect((await gateway.api().get('/api/v1/status')).body.store.explain).toMatch(explain);
  };

  it('is used when it is in order', async () => {
    await gateway
      .api()
      .post('/api/v1/store/accept')
      .expect(409, /nothing to accept/);
    await again();
    await gateway.whenLeading();
    expect(await storeState()).toBe('ok');
  });

  it('is refused after a restart when it is older, until an operator accepts it', async () => {
    const older = copyOf(store);
    await gateway.api().post(SCALE, { replicas: 6 }).expect(200);
    await gateway.stop();
    restore(store, older);
    gateway = await TestGateway.start({ store, hub: gateway.hub, files, leading: false });
    expect(await storeState()).toBe('older');
    await expectRefused(/restored from an older copy.*heddle store accept/);

    const before = log(store).content.length;
    const { body } = await gateway.api().post('/api/v1/store/accept').expect(200);
    expect(body).toMatchObject({ incarnation: 2 });
    await gateway.whenLeading();
    expect(await storeState()).toBe('ok');
    expect((await gateway.api().get('/api/v1/services/acme/shop/web')).body.spec.replicas).toBe(3);
    await gateway.api().post(SCALE, { replicas: 8 }).expect(200);
    expect(log(store).content.length).toBeGreaterThan(before);
    await again();
    await gateway.whenLeading();
  });

  it('is refused after a restart when it is empty, and nothing is written to its log', async () => {
    const empty = new MemoryStore();
    await again(empty);
    expect(await storeState()).toBe('empty');
    await expectRefused(/the store is empty/);
    expect(empty.streams.has('CHANGES')).toBe(false);
    await gateway.api().post('/api/v1/store/accept').expect(200);
    await gateway.whenLeading();
    expect((await gateway.api().get('/api/v1/domains')).body.items).toHaveLength(1);
  });

  it("is refused when it is another cluster's", async () => {
    const foreign = new MemoryStore();
    const theirs = await startWithOwners({ store: foreign });
    await theirs.gateway.stop();
    await again(foreign);
    expect(await storeState()).toBe('foreign');
    await expectRefused(/belongs to the cluster/);
  });

  it('is noticed while the gateway runs; what was known is still shown, and nothing is changed', async () => {
    const older = copyOf(store);
    await gateway.api().post(SCALE, { replicas: 6 }).expect(200);
    const right = copyOf(store);
    restore(store, older);
    await waitFor(async () => (await storeState()) === 'older', WITHIN);
    await expectRefused(/restored from an older copy/);
    expect((await gateway.api().get('/api/v1/services/acme/shop/web')).body.spec.replicas).toBe(6);

    restore(store, right);
    await gateway.whenLeading();
    await gateway.api().post(SCALE, { replicas: 7 }).expect(200);
  });

  it('is not guessed about when what was seen cannot be read back', async () => {
    await files.writeAtomic('/state/seen', 'sha256 nonsense');
    await again();
    expect(await storeState()).toBe('damaged');
    await expectRefused(/not known which store is the right one/);
    await gateway.api().post('/api/v1/store/accept').expect(200);
    await gateway.whenLeading();
  });
});

const log = (store: MemoryStore): MemoryStream => store.streams.get('CHANGES') as MemoryStream;

import { FakeClock } from '@heddle/host';
import fc from 'fast-check';
import { ManualTerm } from '../lease/term';
import { MemoryStore, type MemoryStream } from '../testing/memory-store';
import { FencedBucket, openLeases } from './fenced-bucket';

async function setUp() {
  const clock = new FakeClock();
  const store = new MemoryStore(clock);
  const open = (epoch: number, holder: string) =>
    FencedBucket.open<unknown>({ store, bucket: 'workload', term: new ManualTerm(epoch, holder), clock });
  const bucket = await open(1, 'a');
  return { clock, store, open, bucket, stream: store.streams.get('KV_workload') as MemoryStream };
}

describe('FencedBucket', () => {
  it('keeps what is put and forgets what is deleted', async () => {
    const { bucket } = await setUp();
    await bucket.commit({
      put: new Map([
        ['acme/shop/web', 1],
        ['b', 2],
      ]),
    });
    await bucket.commit({ put: new Map([['b', 3]]), delete: ['acme/shop/web'] });
    expect(await bucket.readAll()).toEqual(new Map([['b', 3]]));
  });

  it('takes any key, and keeps its own records apart', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.string({ minLength: 1, maxLength: 20 }), { maxLength: 8 }), async (keys) => {
        const { bucket } = await setUp();
        const known = keys.map((key) => Buffer.from(key).toString());
        const put = new Map(known.map((key, i) => [key, i]));
        await bucket.commit({ put });
        expect(await bucket.readAll()).toEqual(put);
        await bucket.commit({ delete: known });
        expect(await bucket.readAll()).toEqual(new Map());
      }),
    );
    const { bucket } = await setUp();
    await bucket.commit({ put: new Map([['_epoch', 'mine']]) });
    expect(await bucket.readAll()).toEqual(new Map([['_epoch', 'mine']]));
  });

  it('is readable as a key-value bucket of NATS', async () => {
    const { bucket, stream } = await setUp();
    await bucket.commit({ put: new Map([['acme/shop/web', { replicas: 3 }]]), delete: ['gone'] });
    expect(stream.spec).toMatchObject({ name: 'KV_workload', subjects: ['$KV.workload.>'], perSubject: 1 });
    const [, put, deleted] = stream.content;
    expect(put).toMatchObject({ subject: '$KV.workload.acme/shop/web' });
    expect(Buffer.from(put!.data).toString()).toBe('{"replicas":3}');
    expect(deleted).toMatchObject({ subject: '$KV.workload.gone', headers: { 'KV-Operation': 'DEL' } });
  });

  it('refuses a stale writer, as a whole', async () => {
    const { clock, bucket, open, stream } = await setUp();
    await bucket.commit({ put: new Map([['a', 1]]) });
    const fresh = await open(2, 'b');
    const failures: string[] = [];
    bucket.onFailure(({ code }) => failures.push(code));
    const outcome = bucket
      .commit({
        put: new Map([
          ['a', 2],
          ['b', 2],
        ]),
      })
      .catch((error: unknown) => error);
    await clock.advance(1_000);
    expect(await outcome).toMatchObject({ code: 'fenced' });
    expect(failures).toEqual(['fenced']);
    expect(await fresh.readAll()).toEqual(new Map([['a', 1]]));
    expect(stream.content.filter(({ subject }) => subject.endsWith('.b'))).toEqual([]);
  });

  it('shows a reader nothing of a commit after the first entry that failed', async () => {
    const { clock, bucket, stream } = await setUp();
    stream.fate = ({ subject }) => (subject.endsWith('.b') ? 'refuse' : 'take');
    const outcome = bucket
      .commit({
        put: new Map([
          ['a', 1],
          ['b', 1],
          ['c', 1],
        ]),
      })
      .catch((error: unknown) => error);
    await clock.advance(1_000);
    expect(await outcome).toMatchObject({ code: 'limit' });
    expect(await bucket.readAll()).toEqual(new Map([['a', 1]]));
  });
});

describe('the bucket of leases', () => {
  it('compares and sets', async () => {
    const leases = await openLeases(new MemoryStore());
    const first = await leases.put('x', { a: 1 }, 0, 1_000);
    await expect(leases.put('x', { a: 2 }, 0, 1_000)).rejects.toMatchObject({ code: 'conflict' });
    const second = await leases.put('x', { a: 2 }, first, 1_000);
    expect(await leases.get('x')).toEqual({ value: { a: 2 }, revision: second });
    expect(await leases.get('y')).toBeUndefined();
  });

  it('tells what was not written from what may have been', async () => {
    const clock = new FakeClock();
    const store = new MemoryStore(clock);
    const leases = await openLeases(store);
    const stream = store.streams.get('KV_leases') as MemoryStream;
    stream.down();
    await expect(leases.put('x', 1, 0, 1_000)).rejects.toMatchObject({ code: 'unavailable' });
    stream.restart();
    stream.fate = () => 'refuse';
    await expect(leases.put('x', 1, 0, 1_000)).rejects.toMatchObject({ code: 'limit' });
    stream.fate = () => 'lose-ack';
    const outcome = leases.put('x', 1, 0, 1_000).catch((error: unknown) => error);
    await clock.advance(1_000);
    expect(await outcome).toMatchObject({ code: 'deadline' });
    expect(await leases.get('x')).toMatchObject({ value: 1 });
  });
});

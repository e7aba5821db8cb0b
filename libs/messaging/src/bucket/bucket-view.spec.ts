import { FakeClock } from '@heddle/host';
import type { Change, HeddleObject } from '@heddle/model';
import fc from 'fast-check';
import { ChangeLog, ChangeLogWriter } from '../change-log';
import { IdentityRecord } from '../identity/cluster-identity';
import { ManualTerm } from '../lease/term';
import { MemoryStore, type MemoryStream } from '../testing/memory-store';
import { BucketView, type SavedEntry, type ViewChange } from './bucket-view';
import { FencedBucket } from './fenced-bucket';

// The model test runs as often as the long run asks for.
jest.setTimeout(600_000);

/** Stands for an object; a view takes it as it is. */
const object = (value: number): HeddleObject => ({ value }) as unknown as HeddleObject;

let changes = 0;
/** A change that sets keys to numbers, or removes them with `null`. */
const change = (values: Record<string, number | null>): Change => ({
  changeId: `c${++changes}`,
  by: { principal: 'test' },
  at: '2026-01-01T00:00:00Z',
  verb: 'apply',
  summary: '',
  objects: Object.entries(values).map(([key, value]) => ({
    key,
    before: null,
    after: value === null ? null : object(value),
  })),
});

async function setUp() {
  const clock = new FakeClock();
  const store = new MemoryStore(clock);
  await (await IdentityRecord.open(store)).create();
  const openWriter = (epoch: number) =>
    ChangeLogWriter.openWriter<Change>({ store, clock, term: new ManualTerm(epoch, `w${epoch}`) });
  const log = await openWriter(1);
  const openView = async () =>
    BucketView.open<HeddleObject>({
      store,
      clock,
      changes: await ChangeLog.open<Change>({ store, clock }),
      bucket: 'policy',
      select: (key) => key.startsWith('Epg/'),
    });
  const openSaver = (epoch: number) =>
    FencedBucket.open<SavedEntry<HeddleObject>>({
      store,
      bucket: 'policy',
      term: new ManualTerm(epoch, `p${epoch}`),
      clock,
    });
  const close = async (view: BucketView<HeddleObject>) => {
    const closed = view.close();
    await clock.advance(0);
    await closed;
  };
  const stream = (name: string) => store.streams.get(name) as MemoryStream;
  return { clock, store, log, openWriter, openView, openSaver, close, stream };
}

const valuesOf = (view: BucketView<HeddleObject>) =>
  Object.fromEntries([...view.entries].map(([key, entry]) => [key, (entry as unknown as { value: number }).value]));

describe('BucketView', () => {
  it('takes what it selects, in order, and tells what it was and is', async () => {
    const { clock, log, openView, close } = await setUp();
    await log.append(change({ 'Epg/a': 1, 'Host/h': 1 }));
    const view = await openView();
    const seen: ViewChange<HeddleObject>[] = [];
    view.onChange((current) => seen.push(current));
    const caughtUp = view.whenCaughtUp(1_000);
    await clock.advance(0);
    await caughtUp;
    expect(view.problem).toBeUndefined();
    const { position } = await log.append(change({ 'Epg/a': 2, 'Epg/b': 1 }));
    const reached = view.waitFor(position, 1_000);
    await clock.advance(0);
    await reached;
    await log.append(change({ 'Epg/a': null }));
    await clock.advance(0);
    expect(valuesOf(view)).toEqual({ 'Epg/b': 1 });
    expect(seen.map(({ position: at, before, after }) => [at, [...before.keys()], [...after.keys()]])).toEqual([
      [2, [], ['Epg/a']],
      [3, ['Epg/a'], ['Epg/a', 'Epg/b']],
      [4, ['Epg/a', 'Epg/b'], ['Epg/b']],
    ]);
    expect(seen[1]!.before.get('Epg/a')).toEqual({ value: 1 });
    await close(view);
    expect(clock.pendingTimers).toBe(0);
  });

  it('says what keeps it when it does not come far enough', async () => {
    const { clock, stream, openView, close } = await setUp();
    const view = await openView();
    await clock.advance(0);
    stream('CHANGES').down();
    const outcome = view.waitFor(9, 1_000).catch((error: unknown) => error);
    await clock.advance(1_000);
    expect(await outcome).toMatchObject({
      code: 'deadline',
      message: expect.stringMatching(/view policy is at position 0, not at 9 after 1000 ms: the log cannot be read/),
    });
    await close(view);
  });

  it('starts from what was saved', async () => {
    const { clock, log, openView, openSaver, close } = await setUp();
    await log.append(change({ 'Epg/a': 1 }));
    const first = await openView();
    await clock.advance(0);
    await first.saveWith(await openSaver(1));
    const { position } = await log.append(change({ 'Epg/b': 1 }));
    await clock.advance(0);
    await close(first);

    const second = await openView();
    const seen: ViewChange<HeddleObject>[] = [];
    second.onChange((current) => seen.push(current));
    await clock.advance(0);
    expect(valuesOf(second)).toEqual({ 'Epg/a': 1, 'Epg/b': 1 });
    expect(second.position).toBe(position);
    // Read as a whole, not change by change.
    expect(seen.map(({ change: taken }) => taken)).toEqual([undefined]);
    await close(second);
  });

  it('saves what could not be saved as soon as it can', async () => {
    const { clock, log, openView, openSaver, close, stream } = await setUp();
    const view = await openView();
    await clock.advance(0);
    const saver = await openSaver(1);
    await view.saveWith(saver);
    stream('KV_policy').fate = () => 'lose';
    await log.append(change({ 'Epg/a': 1 }));
    await clock.advance(12_000);
    await log.append(change({ 'Epg/b': 1 }));
    await clock.advance(0);
    expect([...(await saver.readAll()).keys()]).toEqual(['.position']);
    stream('KV_policy').fate = () => 'take';
    await clock.advance(5_000);
    expect([...(await saver.readAll()).keys()].sort()).toEqual(['.position', 'Epg/a', 'Epg/b']);
    await close(view);
  });

  it('does not wait for being saved', async () => {
    const { clock, log, openView, openSaver, close, stream } = await setUp();
    const view = await openView();
    await clock.advance(0);
    const saver = await openSaver(1);
    await view.saveWith(saver);
    stream('KV_policy').fate = () => 'lose';
    for (const value of [1, 2, 3]) await log.append(change({ 'Epg/a': value }));
    await clock.advance(0);
    expect(valuesOf(view)).toEqual({ 'Epg/a': 3 });
    saver.close();
    await close(view);
  });

  it('stays as it is when the log is an older copy, until an operator accepts the store', async () => {
    const { clock, store, log, openWriter, openView, close, stream } = await setUp();
    await log.append(change({ 'Epg/a': 1 }));
    const old = stream('CHANGES').copy();
    await log.append(change({ 'Epg/b': 1 }));
    const view = await openView();
    await clock.advance(0);
    stream('CHANGES').restore(old);
    await clock.advance(10_000);
    expect(valuesOf(view)).toEqual({ 'Epg/a': 1, 'Epg/b': 1 });
    expect(view.problem).toContain('restored from an older copy');

    const record = await IdentityRecord.open(store);
    await record.accept({ ...(await record.read())!, position: 3 });
    await clock.advance(10_000);
    expect(view.problem).toBeUndefined();
    expect(valuesOf(view)).toEqual({ 'Epg/a': 1 });
    await (await openWriter(2)).append(change({ 'Epg/c': 1 }));
    await clock.advance(0);
    expect(valuesOf(view)).toEqual({ 'Epg/a': 1, 'Epg/c': 1 });
    await close(view);
  });

  it('is read anew when it was saved later than the log of an accepted copy', async () => {
    const { clock, store, log, openView, openSaver, close, stream } = await setUp();
    await log.append(change({ 'Epg/a': 1 }));
    const old = stream('CHANGES').copy();
    await log.append(change({ 'Epg/b': 1 }));
    const first = await openView();
    await clock.advance(0);
    await first.saveWith(await openSaver(1));
    await close(first);
    stream('CHANGES').restore(old);
    const record = await IdentityRecord.open(store);
    await record.accept({ ...(await record.read())!, position: 3 });
    const second = await openView();
    await clock.advance(10_000);
    expect(second.problem).toBeUndefined();
    expect(valuesOf(second)).toEqual({ 'Epg/a': 1 });
    await close(second);
  });

  it('converges after a crash between any two writes', async () => {
    const keys = fc.constantFrom('Epg/a', 'Epg/b', 'Epg/c', 'Epg/d', 'Host/x');
    const values = fc.dictionary(keys, fc.option(fc.nat(9)), { minKeys: 1, maxKeys: 4 });
    const life = fc.record({
      /** Changes while this owner lives: before it saves, while it begins to, and afterwards. */
      before: fc.array(values, { maxLength: 2 }),
      during: fc.array(values, { maxLength: 2 }),
      after: fc.array(values, { maxLength: 4 }),
      /** Records that reach the bucket before the crash. */
      records: fc.nat(12),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(life, { minLength: 1, maxLength: 5 }), async (lives) => {
        const { clock, log, openView, openSaver, close, stream } = await setUp();
        const expected: Record<string, number> = {};
        const append = async (all: readonly Record<string, number | null>[]) => {
          for (const one of all) {
            const appended = log.append(change(one));
            for (const [key, value] of Object.entries(one)) {
              if (!key.startsWith('Epg/')) continue;
              if (value === null) delete expected[key];
              else expected[key] = value;
            }
            await clock.advance(0);
            await appended;
          }
        };
        let epoch = 0;
        for (const { before, during, after, records } of lives) {
          const view = await openView();
          await append(before);
          await clock.advance(0);
          expect(valuesOf(view)).toEqual(expected);
          const opening = openSaver(++epoch);
          await clock.advance(0);
          const saver = await opening;
          let left = records;
          const bucket = stream('KV_policy');
          bucket.fate = () => (left-- > 0 ? 'take' : 'lose');
          bucket.latencyMs = 50;
          const saving = view.saveWith(saver).catch(() => undefined);
          await clock.advance(30);
          await append(during);
          await clock.advance(1_000);
          await append(after);
          await clock.advance(1_000);
          expect(valuesOf(view)).toEqual(expected);
          // The crash: nothing more of this owner reaches the bucket.
          bucket.fate = () => 'lose';
          const closed = close(view);
          saver.close();
          await clock.advance(30_000);
          await Promise.all([closed, saving]);
          bucket.fate = () => 'take';
          bucket.latencyMs = 0;
        }
        const last = await openView();
        await clock.advance(0);
        expect(valuesOf(last)).toEqual(expected);
        expect(last.problem).toBeUndefined();
        await close(last);
      }),
    );
  });
});

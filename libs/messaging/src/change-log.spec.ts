import { FakeClock } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import fc from 'fast-check';
import { ChangeLog, ChangeLogWriter, CHANGES_STREAM, type LogEntry } from './change-log';
import { ManualTerm } from './lease/term';
import { MemoryStore, type AppendFate, type MemoryBlobs, type MemoryStream } from './testing/memory-store';

// The model test runs as often as the long run asks for.
jest.setTimeout(600_000);

interface Note {
  readonly changeId: string;
  readonly text: string;
}
const note = (changeId: string, text = changeId): Note => ({ changeId, text });

async function setUp() {
  const clock = new FakeClock();
  const store = new MemoryStore(clock);
  const open = (epoch = 1, holder = 'me') =>
    ChangeLogWriter.openWriter<Note>({ store, clock, term: new ManualTerm(epoch, holder) });
  const reader = await ChangeLog.open<Note>({ store, clock });
  const stream = store.streams.get(CHANGES_STREAM) as MemoryStream;
  const blobs = (await store.blobs('changes')) as MemoryBlobs;
  const all = async (range = { from: 1 }): Promise<LogEntry<Note>[]> => {
    const entries: LogEntry<Note>[] = [];
    for await (const entry of reader.read(range)) entries.push(entry);
    return entries;
  };
  return { clock, store, open, reader, stream, blobs, all };
}

describe('ChangeLog', () => {
  it('gives every change its position, and reads it back', async () => {
    const { clock, open, reader, all } = await setUp();
    expect(await reader.lastPosition()).toBe(0);
    const log = await open();
    expect(await reader.lastPosition()).toBe(0);
    const [a, b] = await Promise.all([log.append(note('a')), log.append(note('b'))]);
    expect([a, b]).toEqual([{ position: 2 }, { position: 3 }]);
    expect(await all()).toEqual([
      { position: 2, time: clock.now(), change: note('a') },
      { position: 3, time: clock.now(), change: note('b') },
    ]);
    expect((await all({ from: 3 })).map(({ change }) => change.changeId)).toEqual(['b']);
    const first: string[] = [];
    for await (const { change } of reader.read({ from: 1, to: 2 })) first.push(change.changeId);
    expect(first).toEqual(['a']);
    expect(await reader.find('b')).toMatchObject({ position: 3, change: note('b') });
    expect(await reader.find('nothing')).toBeUndefined();
  });

  it('knows its last position past the epochs of later writers', async () => {
    const { open, reader } = await setUp();
    await (await open(1)).append(note('a'));
    await open(2);
    await open(3);
    expect(await reader.lastPosition()).toBe(2);
  });

  it('reads more than it asks for at a time', async () => {
    const { open, all } = await setUp();
    const log = await open();
    const ids = Array.from({ length: 100 }, (_, i) => `c${i}`);
    await Promise.all(ids.map((id) => log.append(note(id))));
    expect((await all()).map(({ change }) => change.changeId)).toEqual(ids);
  });

  it('recognises a change that it has, in this term, in a later one, and while it is being written', async () => {
    const { open, all } = await setUp();
    const first = await open(1);
    const position = await first.append(note('a'));
    expect(await first.append(note('a', 'again'))).toEqual(position);
    const second = await open(2, 'other');
    expect(await second.append(note('a'))).toEqual(position);
    const [b, sameB] = await Promise.all([second.append(note('b')), second.append(note('b'))]);
    expect(b).toEqual(sameB);
    expect((await all()).map(({ change }) => change.text)).toEqual(['a', 'b']);
  });

  it('does not write a change twice when it is sent again after a doubt', async () => {
    const { clock, open, stream, all } = await setUp();
    const log = await open();
    stream.fate = () => 'delay';
    const outcome = log.append(note('a')).catch((error: HeddleError) => error);
    await clock.advance(15_000);
    expect(await outcome).toMatchObject({ code: 'deadline' });
    // It gets in while it is sent again.
    const again = log.append(note('a'));
    await clock.advance(0);
    stream.fate = () => 'take';
    stream.deliverDelayed();
    await clock.advance(15_000);
    expect(await again).toEqual({ position: 2 });
    expect(await all()).toHaveLength(1);
  });

  it('refuses a stale writer', async () => {
    const { clock, open, all } = await setUp();
    const stale = await open(1, 'old');
    const fresh = await open(2, 'new');
    const failures: HeddleError[] = [];
    stale.onFailure((error) => failures.push(error));
    const outcome = stale.append(note('x')).catch((error: HeddleError) => error);
    await clock.advance(1_000);
    expect(await outcome).toMatchObject({ code: 'fenced' });
    expect(failures).toHaveLength(1);
    await fresh.append(note('a'));
    expect((await all()).map(({ change }) => change.changeId)).toEqual(['a']);
  });

  it('puts a large body into the object store, under its hash', async () => {
    const { open, stream, blobs, all } = await setUp();
    stream.maxRecord = 100;
    const log = await open();
    const large = note('large', 'x'.repeat(1_000));
    await log.append(note('small'));
    await log.append(large);
    expect((await all()).map(({ change }) => change)).toEqual([note('small'), large]);
    const [hash] = [...blobs.content.keys()];
    expect(stream.content.at(-1)).toMatchObject({ headers: { 'Heddle-Body': `sha256:${hash}` } });
    blobs.content.clear();
    await expect(all()).rejects.toMatchObject({ code: 'not-found' });
  });

  it('fails what was appended after a change that cannot be handed over, and then goes on', async () => {
    const { open, stream, blobs, all } = await setUp();
    stream.maxRecord = 100;
    const log = await open();
    blobs.put = async () => {
      throw new HeddleError('unavailable', 'no object store');
    };
    const results = await Promise.allSettled([
      log.append(note('a')),
      log.append(note('large', 'x'.repeat(1_000))),
      log.append(note('b')),
    ]);
    expect(results.map((result) => (result.status === 'rejected' ? (result.reason as Error).message : 'in'))).toEqual([
      'in',
      'no object store',
      'change b was not appended: a change before it failed',
    ]);
    await log.append(note('c'));
    expect((await all()).map(({ change }) => change.changeId)).toEqual(['a', 'c']);
  });

  it('is followed in order from where a reader stopped, with the news when there is no more', async () => {
    const { clock, open, reader } = await setUp();
    const log = await open();
    for (const id of ['a', 'b', 'c']) await log.append(note(id));
    const abort = new AbortController();
    const seen: string[] = [];
    const caughtUp: number[] = [];
    const running = reader.follow({
      after: { position: 2, changeId: 'a' },
      signal: abort.signal,
      onChange: ({ position, change }) => void seen.push(`${position} ${change.changeId}`),
      onCaughtUp: (position) => caughtUp.push(position),
    });
    await clock.advance(0);
    await open(2, 'next');
    await clock.advance(0);
    expect(seen).toEqual(['3 b', '4 c']);
    expect(caughtUp).toEqual([4, 4]);
    abort.abort();
    await running;
  });

  it('tells a follower that the change it handled is not there', async () => {
    const { clock, open, reader } = await setUp();
    const log = await open();
    await log.append(note('a'));
    const ask = async (after: { position: number; changeId: string }) => {
      const outcome = reader
        .follow({ after, signal: new AbortController().signal, onChange: () => undefined })
        .catch((error: HeddleError) => error);
      await clock.advance(7_000);
      return outcome;
    };
    expect(await ask({ position: 2, changeId: 'b' })).toMatchObject({ code: 'state' });
    expect(await ask({ position: 9, changeId: 'a' })).toMatchObject({ code: 'state' });
    expect(await ask({ position: 1, changeId: 'a' })).toMatchObject({ code: 'state' });
  });

  it('tells a missing log from an empty one for those who know that there was one', async () => {
    await expect(ChangeLog.open({ store: new MemoryStore(), create: false })).rejects.toMatchObject({ code: 'state' });
  });

  it('holds every change once, whatever fails, when each is sent until it is in', async () => {
    const fate = fc.constantFrom<AppendFate>('take', 'take', 'take', 'lose', 'lose-ack', 'slow-ack', 'delay');
    const event = fc.record({
      after: fc.integer({ min: 0, max: 8_000 }),
      what: fc.constantFrom('down', 'restart', 'restart', 'arrive', 'takeOver'),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fate, { minLength: 1, maxLength: 30 }),
        fc.array(event, { maxLength: 10 }),
        async (fates, events) => {
          const { clock, open, stream, all } = await setUp();
          let writer = await open(1);
          let [turn, epoch, stopped] = [0, 1, false];
          stream.fate = () => fates[turn++ % fates.length]!;
          const positions = new Map<string, Set<number>>();
          /** A client that sends each of its changes until it hears that it is in. */
          const client = async (name: string) => {
            for (let i = 0; i < 3; i++) {
              const changeId = `${name}${i}`;
              for (;;) {
                try {
                  const { position } = await writer.append(note(changeId));
                  positions.set(changeId, (positions.get(changeId) ?? new Set()).add(position));
                  break;
                } catch {
                  await clock.sleep(500);
                }
              }
            }
          };
          const clients = Promise.all(['a', 'b', 'c'].map(client)).then(() => (stopped = true));
          for (const { after, what } of events) {
            await clock.advance(after);
            if (what === 'down') stream.down();
            else if (what === 'restart') stream.restart();
            else if (what === 'arrive' && stream.up) stream.deliverDelayed();
            else if (what === 'takeOver' && stream.up) {
              const opening = open(++epoch, `h${epoch}`).catch(() => writer);
              await clock.advance(15_000);
              writer = await opening;
            }
          }
          stream.restart();
          stream.fate = () => 'take';
          stream.latencyMs = 0;
          const healing = open(++epoch, 'last');
          await clock.advance(5_000);
          writer = await healing;
          await clock.advance(60_000);
          expect(stopped).toBe(true);
          await clients;
          const entries = await all();
          const ids = entries.map(({ change }) => change.changeId);
          expect([...ids].sort()).toEqual(['a0', 'a1', 'a2', 'b0', 'b1', 'b2', 'c0', 'c1', 'c2']);
          for (const { position, change } of entries) {
            expect([...(positions.get(change.changeId) ?? [])]).toEqual([position]);
          }
        },
      ),
    );
  });
});

import fc from 'fast-check';
import { readSnapshot, snapshotMessages, type Announcement, type Delta, type Snapshot } from './protocol';
import { Replica } from './replica';

const place = { clusterUid: 'c', incarnation: 1, epoch: 1, writer: 'w' };

/** A writer that keeps every version of its set. */
class Writer {
  readonly versions: Snapshot<number>[] = [{ ...place, sequence: 1, position: 1, entries: new Map() }];
  readonly deltas: Delta<number>[] = [];

  change(put: Record<string, number>, gone: string[]): void {
    const last = this.versions.at(-1) as Snapshot<number>;
    const entries = new Map(last.entries);
    for (const key of gone) entries.delete(key);
    for (const [key, value] of Object.entries(put)) entries.set(key, value);
    const next = { ...place, sequence: last.sequence + 1, position: last.position + 1, entries };
    this.versions.push(next);
    this.deltas.push({ type: 'delta', ...place, sequence: next.sequence, position: next.position, put, delete: gone });
  }
}

const keys = ['a', 'b', 'c', 'd'];
const change = fc.record({ put: fc.dictionary(fc.constantFrom(...keys), fc.nat(5)), gone: fc.subarray(keys) });

describe('Replica', () => {
  it('comes to the state of the writer, or asks for a snapshot, whatever is lost, repeated or reordered', () => {
    const delivery = fc.array(fc.record({ pick: fc.nat(), snapshot: fc.boolean() }), { maxLength: 40 });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 10 }), delivery, (changes, deliveries) => {
        const writer = new Writer();
        for (const { put, gone } of changes)
          writer.change(
            put,
            gone.filter((key) => !(key in put)),
          );
        const replica = new Replica<number>(undefined);
        const seen = new Map<string, number>();
        for (const { pick, snapshot } of deliveries) {
          const outcome = snapshot
            ? replica.snapshot(writer.versions[pick % writer.versions.length] as Snapshot<number>)
            : replica.announcement(writer.deltas[pick % writer.deltas.length] as Announcement<number>);
          if (outcome.type === 'changed') {
            for (const [key, value] of outcome.put) seen.set(key, value);
            for (const key of outcome.delete) seen.delete(key);
          }
          const standing = replica.current;
          if (standing) {
            const truth = writer.versions[standing.sequence - 1] as Snapshot<number>;
            expect(new Map(replica.entries)).toEqual(new Map(truth.entries));
            expect(standing.position).toBe(truth.position);
          }
          expect(seen).toEqual(new Map(replica.entries));
        }
        // At last a whole delivery brings it to the end.
        replica.snapshot(writer.versions.at(-1) as Snapshot<number>);
        expect(new Map(replica.entries)).toEqual(new Map(writer.versions.at(-1)?.entries));
      }),
    );
  });

  it('never goes back to an earlier version', () => {
    const writer = new Writer();
    writer.change({ a: 1 }, []);
    writer.change({ b: 1 }, []);
    const replica = new Replica<number>(undefined);
    replica.snapshot(writer.versions[2] as Snapshot<number>);
    expect(replica.snapshot(writer.versions[0] as Snapshot<number>).type).toBe('ignored');
    expect([...replica.entries.keys()]).toEqual(['a', 'b']);
  });

  it.each([
    ['an empty store', { clusterUid: 'c', incarnation: 1, position: 1, epoch: 9 }, 'older'],
    ['an older copy, with its older epoch', { clusterUid: 'c', incarnation: 1, position: 49, epoch: 2 }, 'older'],
    ['another cluster', { clusterUid: 'x', incarnation: 9, position: 99, epoch: 9 }, 'foreign'],
    ['an earlier incarnation', { clusterUid: 'c', incarnation: 0, position: 99, epoch: 9 }, 'older'],
  ])('refuses what comes from %s, and keeps what it has', (_what, standing, reason) => {
    const replica = new Replica<number>({ clusterUid: 'c', incarnation: 1, position: 50, epoch: 3 });
    const outcome = replica.snapshot({ ...standing, writer: 'w', sequence: 1, entries: new Map() });
    expect(outcome).toMatchObject({ type: 'refused', refusal: { reason, have: { position: 50 } } });
    expect(replica.current).toBeUndefined();
  });

  it('accepts a store that an operator has accepted: a higher incarnation at a lower position', () => {
    const replica = new Replica<number>({ clusterUid: 'c', incarnation: 1, position: 50, epoch: 3 });
    const outcome = replica.snapshot({
      clusterUid: 'c',
      incarnation: 2,
      position: 7,
      epoch: 1,
      writer: 'w',
      sequence: 1,
      entries: new Map([['a', 1]]),
    });
    expect(outcome.type).toBe('changed');
  });

  it('ignores a writer that has been succeeded', () => {
    const replica = new Replica<number>(undefined);
    replica.snapshot({ ...place, epoch: 5, sequence: 1, position: 10, entries: new Map([['a', 1]]) });
    expect(
      replica.announcement({ type: 'delta', ...place, epoch: 4, sequence: 2, position: 11, put: {}, delete: ['a'] })
        .type,
    ).toBe('ignored');
    expect(replica.entries.get('a')).toBe(1);
  });

  it('does not go on from the version of another writer with the same epoch, as there is one after a restore', () => {
    const replica = new Replica<number>(undefined);
    const first = { ...place, writer: 'first' };
    const second = { ...place, writer: 'second' };
    const late: Announcement<number> = { type: 'delta', ...first, sequence: 2, position: 2, put: {}, delete: [] };
    // Kept while the snapshot is under way, which then is the other writer's.
    expect(replica.announcement(late).type).toBe('behind');
    replica.snapshot({ ...second, sequence: 1, position: 3, entries: new Map([['a', 0]]) });
    expect(replica.current).toMatchObject({ position: 3, sequence: 1 });
    expect(replica.announcement({ type: 'beat', ...first, sequence: 1, position: 9 }).type).toBe('behind');
    expect(replica.current).toMatchObject({ position: 3 });
  });

  it('notices a lost delta by the next beat', () => {
    const replica = new Replica<number>(undefined);
    replica.snapshot({ ...place, sequence: 1, position: 1, entries: new Map() });
    expect(replica.announcement({ type: 'beat', ...place, sequence: 1, position: 1 }).type).toBe('ignored');
    expect(replica.announcement({ type: 'beat', ...place, sequence: 1, position: 2 }).type).toBe('advanced');
    expect(replica.announcement({ type: 'beat', ...place, sequence: 2, position: 2 }).type).toBe('behind');
  });
});

describe('snapshots', () => {
  async function* replay<M>(messages: Iterable<M>): AsyncIterable<M> {
    yield* messages;
  }

  it('come back as they were, in parts when they are large', async () => {
    const entries = new Map(Array.from({ length: 2000 }, (_, i) => [`k${i}`, 'x'.repeat(500)] as const));
    const messages = [...snapshotMessages({ ...place, sequence: 3, position: 4, entries })];
    expect(messages.length).toBeGreaterThan(3);
    expect(await readSnapshot(replay(messages))).toEqual({ ...place, sequence: 3, position: 4, entries });
    await expect(readSnapshot(replay(messages.slice(0, -1)))).rejects.toThrow('of 2000 entries');
  });
});

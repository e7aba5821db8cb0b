import { randomBytes } from 'node:crypto';
import { waitFor } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import { ChangeLog, ChangeLogWriter, type LogEntry } from '../change-log';
import { Publisher } from '../distribution/publisher';
import { Subscriber } from '../distribution/subscriber';
import { systemClock } from '@heddle/host';
import { Events } from '../events/events';
import { CasBucket } from '../lease/cas-bucket';
import { Lease } from '../lease/lease';
import { ManualTerm } from '../lease/term';
import { FencedStream } from '../stream/fenced-stream';
import { readToEnd } from '../stream/follow';
import { AppendError, type StreamItem, type StreamPort, type StreamRecord } from '../stream/stream-port';
import { hasNatsServer, TestServer } from '../testing/test-server';
import type { NatsBus } from './connect-bus';

const describeNats = hasNatsServer ? describe : describe.skip;
const text = (data: Uint8Array): string => Buffer.from(data).toString();
const body = (value: string): Uint8Array => Buffer.from(value);

interface Note {
  readonly changeId: string;
  readonly text?: string;
}

describeNats('the store over NATS', () => {
  let lab: TestServer;
  let bus: NatsBus;
  beforeAll(async () => {
    lab = await TestServer.start();
    bus = await lab.connect();
  });
  afterAll(() => lab.dispose());

  let streams = 0;
  const newStream = async (perSubject?: number): Promise<StreamPort & { prefix: string }> => {
    const name = `S${++streams}`;
    const stream = await bus.store.stream({
      name,
      description: 'test',
      subjects: [`${name}.>`],
      ...(perSubject === undefined ? {} : { perSubject }),
    });
    return Object.assign(stream, { prefix: name });
  };
  const records = async (stream: StreamPort): Promise<StreamRecord[]> => {
    const found: StreamRecord[] = [];
    await readToEnd(stream, (record) => found.push(record));
    return found;
  };

  describe('a stream', () => {
    it('takes a record only when the stream is as expected', async () => {
      const stream = await newStream();
      const append = (id: string, expected = {}, subject = 'a') =>
        stream.append(
          { subject: `${stream.prefix}.${subject}`, data: body(id), id, headers: { X: id } },
          expected,
          1_000,
        );
      const outcome = (promise: Promise<number>) =>
        promise.catch((error: AppendError) => `${error.outcome} ${error.cause.code}`);
      expect(await outcome(append('1', { lastSequence: 1 }))).toBe('expectation conflict');
      expect(await append('1', { lastSequence: 0 })).toBe(1);
      expect(await outcome(append('2', { lastSequence: 0 }))).toBe('expectation conflict');
      expect(await outcome(append('2', { lastSequence: 1, lastId: 'x' }))).toBe('expectation conflict');
      expect(await append('2', { lastSequence: 1, lastId: '1' })).toBe(2);
      expect(await append('2', { lastSequence: 1, lastId: '1' })).toBe(2);
      expect(await outcome(append('3', { lastSubjectSequence: 0 }))).toBe('expectation conflict');
      expect(await append('3', { lastSubjectSequence: 0 }, 'b')).toBe(3);
      expect(await stream.state()).toEqual({ firstSequence: 1, lastSequence: 3, records: 3 });
      expect(await stream.get(2)).toMatchObject({
        sequence: 2,
        id: '2',
        headers: { X: '2' },
        subject: `${stream.prefix}.a`,
      });
      expect(text((await stream.last(`${stream.prefix}.a`))!.data)).toBe('2');
      expect((await stream.last(`${stream.prefix}.*`))!.sequence).toBe(3);
      expect([await stream.get(0), await stream.get(9), await stream.last('none')]).toEqual([
        undefined,
        undefined,
        undefined,
      ]);
      expect(await stream.count(`${stream.prefix}.a`, 2)).toBe(1);
    });

    it('keeps the newest of each subject where it was told to, and lets old ones be removed', async () => {
      const stream = await newStream(1);
      for (const id of ['1', '2', '3']) {
        await stream.append({ subject: `${stream.prefix}.a`, data: body(id), id }, {}, 1_000);
        await stream.append({ subject: `${stream.prefix}.b${id}`, data: body(id), id: `b${id}` }, {}, 1_000);
      }
      expect((await records(stream)).map(({ sequence }) => sequence)).toEqual([2, 4, 5, 6]);
      await stream.purge(`${stream.prefix}.b1`, 3);
      await stream.purge(`${stream.prefix}.b3`, 3);
      expect((await records(stream)).map(({ sequence }) => sequence)).toEqual([4, 5, 6]);
    });

    it('is read in order, with the news that there is no more, from any place and by subject', async () => {
      const stream = await newStream();
      const abort = new AbortController();
      const items: string[] = [];
      const take = ({ ...item }: StreamItem) =>
        items.push(item.kind === 'record' ? text(item.record.data) : 'caughtUp');
      const reading = (async () => {
        for await (const item of stream.session(1, { signal: abort.signal })) take(item);
      })();
      await waitFor(() => items.length === 1, { deadlineMs: 2_000, what: 'the empty stream' });
      for (let i = 1; i <= 3; i++) {
        await stream.append({ subject: `${stream.prefix}.${i % 2}`, data: body(`${i}`) }, {}, 1_000);
        await waitFor(() => items.at(-1) === 'caughtUp' && items.includes(`${i}`), { deadlineMs: 2_000, what: `${i}` });
      }
      expect(items).toEqual(['caughtUp', '1', 'caughtUp', '2', 'caughtUp', '3', 'caughtUp']);
      abort.abort();
      await reading;
      const odd: string[] = [];
      const second = new AbortController();
      for await (const item of stream.session(2, { filter: `${stream.prefix}.1`, signal: second.signal })) {
        if (item.kind === 'caughtUp') break;
        odd.push(text(item.record.data));
      }
      expect(odd).toEqual(['3']);
    });

    it('does not lose its reader’s place when the reader is slow and there is much', async () => {
      const stream = await newStream();
      const data = randomBytes(20_000);
      const count = 2_000;
      for (let i = 0; i < count; i += 100) {
        await Promise.all(
          Array.from({ length: 100 }, () => stream.append({ subject: `${stream.prefix}.x`, data }, {}, 5_000)),
        );
      }
      let seen = 0;
      for await (const item of stream.session(1, { signal: new AbortController().signal })) {
        if (item.kind === 'caughtUp') break;
        expect(item.record.sequence).toBe(++seen);
        if (seen % 200 === 0) await new Promise((resolve) => setTimeout(resolve, 20));
      }
      expect(seen).toBe(count);
    });

    it('says that it is not there', async () => {
      const stream = await newStream();
      const other = Object.create(stream, { name: { value: 'NONE' } }) as StreamPort;
      await expect(other.state()).rejects.toMatchObject({ code: 'not-found' });
      await expect(
        bus.store.stream({ name: 'NONE', description: '', subjects: ['none'] }, { create: false }),
      ).rejects.toMatchObject({ code: 'state' });
    });

    it('is made by whoever comes first, and may be used by all who came at the same time', async () => {
      const clients = await Promise.all(Array.from({ length: 8 }, () => lab.connect()));
      const before = lab.server.pid;
      for (let round = 0; round < 25; round++) {
        const names = [0, 1].map((i) => `RACE_${round}_${i}`);
        const opened = clients.flatMap((client) =>
          names.map(async (name) => {
            const stream = await client.store.stream({ name, description: 'test', subjects: [`${name}.*`] });
            await stream.last(`${name}.first`);
            return stream.append({ subject: `${name}.first`, data: body('') }, {}, 1_000);
          }),
        );
        const sequences = await Promise.all(opened);
        // Nothing was left behind by those who looked whether it is there.
        expect(Math.max(...sequences)).toBe(clients.length);
      }
      expect(lab.server.pid).toBe(before);
    });

    it('is prepared when the server comes back', async () => {
      let prepared: Promise<StreamPort> | undefined;
      await lab.crash(() => {
        prepared = newStream();
      });
      expect(await (await prepared)?.state()).toMatchObject({ records: 0 });
    });

    it('does not take the subjects of another', async () => {
      const stream = await newStream();
      await expect(
        bus.store.stream({ name: 'THIEF', description: '', subjects: [`${stream.prefix}.mine`] }),
      ).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining('THIEF') });
      expect(await stream.state()).toMatchObject({ records: 0 });
    });
  });

  describe('a fenced stream', () => {
    const openWriter = async (stream: StreamPort & { prefix: string }, epoch: number, on: NatsBus = bus) => {
      const port = await on.store.stream({ name: stream.name, description: 'test', subjects: [`${stream.prefix}.>`] });
      const term = new ManualTerm(epoch, `h${epoch}`);
      return FencedStream.open({ stream: port, term, epochSubject: `${stream.prefix}._epoch`, ackTimeoutMs: 500 });
    };

    it('refuses a stale writer that is connected all the time', async () => {
      const stream = await newStream();
      const [one, two] = [await lab.connect(), await lab.connect()];
      const stale = await openWriter(stream, 1, one);
      await stale.append({ subject: `${stream.prefix}.x`, data: body('1') });
      const fresh = await openWriter(stream, 2, two);
      const results = await Promise.allSettled(
        Array.from({ length: 50 }, (_, i) => stale.append({ subject: `${stream.prefix}.x`, data: body(`stale ${i}`) })),
      );
      expect(results.map((r) => (r.status === 'rejected' ? (r.reason as HeddleError).code : 'in'))).toEqual(
        Array.from({ length: 50 }, () => 'fenced'),
      );
      await fresh.append({ subject: `${stream.prefix}.x`, data: body('2') });
      const bodies = (await records(stream))
        .filter(({ subject }) => !subject.endsWith('_epoch'))
        .map(({ data }) => text(data));
      expect(bodies).toEqual(['1', '2']);
    });

    it('brings everything in once and in order over crashes of the server in the middle', async () => {
      const stream = await newStream();
      const writer = await openWriter(stream, 1);
      const count = 3_000;
      const written: Promise<number>[] = [];
      let round = 0;
      for (let i = 0; i < count; i++) {
        const promise = writer.append({ subject: `${stream.prefix}.x`, data: body(`${i}`) });
        promise.catch(() => undefined);
        written.push(promise);
        if (i % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
        if (i === 1_000 || i === 2_000) {
          round++;
          await lab.crash();
        }
      }
      const sequences = await Promise.all(written);
      expect(round).toBe(2);
      expect(new Set(sequences).size).toBe(count);
      const found = (await records(stream)).filter(({ subject }) => !subject.endsWith('_epoch'));
      expect(found.map(({ data }) => Number(text(data)))).toEqual(Array.from({ length: count }, (_, i) => i));
      expect(found.map(({ sequence }) => sequence)).toEqual(sequences);
      writer.close();
    });
  });

  describe('a lease', () => {
    it('passes to another process, with a higher epoch, when its holder is cut off or gives it back', async () => {
      const ttlMs = 1_000;
      const wanted = async (holder: string) => {
        const on = await lab.connect();
        const bucket = await CasBucket.open(on.store, 'leases', 'test');
        return { on, lease: new Lease({ bucket, name: 'x', holder, ttlMs }).start() };
      };
      const a = await wanted('a');
      const first = await a.lease.whenHeld(5_000);
      const b = await wanted('b');
      await a.on.close();
      const second = await b.lease.whenHeld(10_000);
      expect(first.isHeld()).toBe(false);
      expect(second.epoch).toBe(first.epoch + 1);
      const c = await wanted('c');
      await b.lease.close();
      const third = await c.lease.whenHeld(5_000);
      expect(third.epoch).toBe(second.epoch + 1);
      await Promise.all([a.lease.close(), c.lease.close()]);
    });

    it('is kept over a restart of the server that is shorter than its time', async () => {
      const bucket = await CasBucket.open(bus.store, 'leases', 'test');
      const lease = new Lease({ bucket, name: 'y', holder: 'me', ttlMs: 4_000 }).start();
      const term = await lease.whenHeld(5_000);
      await lab.crash();
      await bus.flush(5_000);
      await waitFor(async () => ((await bucket.get('y'))?.revision ?? 0) > 1, { deadlineMs: 4_000, what: 'a renewal' });
      expect(term.isHeld()).toBe(true);
      expect(lease.term).toBe(term);
      await lease.close();
    });
  });

  describe('the change log', () => {
    it('keeps large bodies in the object store, over a crash', async () => {
      const log = await ChangeLogWriter.openWriter<Note>({ store: bus.store, stream: 'LARGE', term: new ManualTerm() });
      const large = { changeId: 'large', text: randomBytes(1_500_000).toString('hex') };
      await log.append({ changeId: 'small' });
      const { position } = await log.append(large);
      expect(await log.append(large)).toEqual({ position });
      await lab.crash();
      await bus.whenConnected(5_000);
      expect((await log.find('large'))?.change.text).toBe(large.text);
      const ids: string[] = [];
      for await (const { change } of log.read({ from: 1 })) ids.push(change.changeId);
      expect(ids).toEqual(['small', 'large']);
      expect(await log.lastPosition()).toBe(position);
      log.close();
    });

    it('is followed without a gap over crashes of the server', async () => {
      const other = await lab.connect();
      const log = await ChangeLogWriter.openWriter<Note>({
        store: bus.store,
        stream: 'FOLLOW',
        term: new ManualTerm(),
      });
      const reader = await ChangeLog.open<Note>({ store: other.store, stream: 'FOLLOW' });
      const abort = new AbortController();
      const seen: LogEntry<Note>[] = [];
      const caughtUp: number[] = [];
      const following = reader.follow({
        signal: abort.signal,
        onChange: (entry) => void seen.push(entry),
        onCaughtUp: (position) => caughtUp.push(position),
      });
      const positions: number[] = [];
      for (let i = 0; i < 300; i++) {
        const appended = log.append({ changeId: `c${i}` });
        if (i % 100 === 50) await lab.crash();
        positions.push((await appended).position);
      }
      await waitFor(() => seen.length >= 300 && caughtUp.at(-1) === positions.at(-1), {
        deadlineMs: 10_000,
        what: 'the reader',
      });
      expect(seen.map(({ change }) => change.changeId)).toEqual(Array.from({ length: 300 }, (_, i) => `c${i}`));
      expect(seen.map(({ position }) => position)).toEqual(positions);
      abort.abort();
      await following;
      log.close();
    });
  });

  it('keeps facts, and tells them', async () => {
    const events = await Events.open(bus.store);
    const fact = { at: '', kind: 'Host', tenant: '', name: 'h1', what: 'lost', message: '' };
    const abort = new AbortController();
    const seen: string[] = [];
    const watching = events.watch({ kind: 'Host' }, { signal: abort.signal, onEvent: ({ name }) => seen.push(name) });
    await bus.flush(1_000);
    await events.emit(fact);
    await events.emit({ ...fact, kind: 'Service', tenant: 'acme', name: 'shop/web' });
    await lab.crash();
    await bus.flush(5_000);
    await events.emit({ ...fact, name: 'h2' });
    await waitFor(() => seen.length === 2, { deadlineMs: 5_000, what: 'the facts' });
    expect(seen).toEqual(['h1', 'h2']);
    expect((await events.history({ tenant: 'acme' }, 5)).map(({ name }) => name)).toEqual(['shop/web']);
    abort.abort();
    await watching;
  });
});

describeNats('a store that comes back with less than it had, while everybody is connected', () => {
  let lab: TestServer;
  beforeEach(async () => (lab = await TestServer.start()));
  afterEach(() => lab.dispose());
  const suspicionMs = 300;

  async function setUp() {
    const [one, two] = [await lab.connect(), await lab.connect()];
    const writer = await ChangeLogWriter.openWriter<Note>({ store: one.store, term: new ManualTerm(), suspicionMs });
    const reader = await ChangeLog.open<Note>({ store: two.store, suspicionMs });
    const seen: string[] = [];
    const failure: { error?: HeddleError; ofWriter?: HeddleError } = {};
    writer.onFailure((error) => (failure.ofWriter = error));
    const following = reader
      .follow({ signal: new AbortController().signal, onChange: ({ change }) => void seen.push(change.changeId) })
      .catch((error: HeddleError) => (failure.error = error));
    const append = async (...ids: string[]) => {
      for (const changeId of ids) await writer.append({ changeId });
    };
    return { one, two, writer, seen, failure, following, append };
  }

  it.each([
    ['an older copy', true],
    ['nothing', false],
  ])('is known for what it is: %s', async (_, copy) => {
    const { one, writer, seen, failure, following, append } = await setUp();
    await append('a', 'b');
    await lab.server.kill();
    await lab.backUp('old');
    await lab.server.start();
    await one.flush(5_000);
    await append('c', 'd');
    await waitFor(() => seen.length === 4, { deadlineMs: 5_000, what: 'the reader' });
    await lab.crash(() => lab.restore(copy ? 'old' : undefined));
    await following;
    expect(failure.error).toMatchObject({ code: 'state' });
    await one.flush(5_000);
    await expect(writer.append({ changeId: 'e' })).rejects.toMatchObject({ retryable: expect.any(Boolean) });
    await waitFor(() => failure.ofWriter, { deadlineMs: 5_000, what: 'the writer to notice' });
    expect(failure.ofWriter).toMatchObject({ code: 'state' });
    expect(seen).toEqual(['a', 'b', 'c', 'd']);
  });

  it('takes nothing from those who have accepted more', async () => {
    const [control, agent] = [await lab.connect(), await lab.connect({ host: 'h1' })];
    const source = new Publisher({
      bus: control,
      clock: systemClock,
      service: 'scheduler',
      identity: { clusterUid: 'c', incarnation: 1 },
      epoch: 2,
    });
    source.publish('allocations.h1', new Map([['a', 1]]), 50);
    source.start();
    const refusals: string[] = [];
    const reader = new Subscriber<number>({
      bus: agent,
      clock: systemClock,
      service: 'scheduler',
      topic: 'allocations.h1',
      onAccepted: () => undefined,
      onRefused: (refusal) => refusals.push(refusal?.reason ?? 'in order'),
    });
    await waitFor(() => reader.entries.size === 1, { deadlineMs: 5_000, what: 'the first set' });
    await lab.crash(() => source.stop());
    const poor = new Publisher({
      bus: control,
      clock: systemClock,
      service: 'scheduler',
      identity: { clusterUid: 'c', incarnation: 1 },
      epoch: 1,
    });
    poor.publish('allocations.h1', new Map(), 3);
    poor.start();
    await waitFor(() => refusals.length > 0, { deadlineMs: 10_000, what: 'the refusal' });
    expect(refusals).toContain('older');
    expect([...reader.entries]).toEqual([['a', 1]]);
    await Promise.all([poor.stop(), reader.close()]);
  });
});

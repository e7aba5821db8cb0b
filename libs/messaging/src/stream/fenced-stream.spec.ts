import { FakeClock } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import fc from 'fast-check';
import { ManualTerm } from '../lease/term';
import { MemoryStream, type AppendFate } from '../testing/memory-store';
import { FencedStream } from './fenced-stream';

// The model test runs as often as the long run asks for.
jest.setTimeout(600_000);

const EPOCH = 'log._epoch';
const text = (data: Uint8Array): string => Buffer.from(data).toString();
const record = (body: string) => ({ subject: `log.${body}`, data: Buffer.from(body) });

function setUp() {
  const clock = new FakeClock();
  const stream = new MemoryStream({ name: 'LOG', description: '', subjects: ['log.>'] }, clock);
  const open = (term = new ManualTerm()) => FencedStream.open({ stream, term, epochSubject: EPOCH, clock, window: 4 });
  const bodies = () => stream.content.filter(({ subject }) => subject !== EPOCH).map(({ data }) => text(data));
  return { clock, stream, open, bodies };
}

/** The outcome of a promise, without waiting for it. */
function watch(promise: Promise<number>) {
  const result: { value?: number; error?: HeddleError } = {};
  promise.then(
    (value) => (result.value = value),
    (error: HeddleError) => (result.error = error),
  );
  return result;
}

describe('FencedStream', () => {
  it('begins with an epoch record and writes in order', async () => {
    const { open, bodies, stream } = setUp();
    const writer = await open(new ManualTerm(7, 'me'));
    expect(await Promise.all(['a', 'b', 'c'].map((body) => writer.append(record(body))))).toEqual([2, 3, 4]);
    expect(JSON.parse(text(stream.content[0]!.data))).toEqual({ epoch: 7, holder: 'me' });
    expect(bodies()).toEqual(['a', 'b', 'c']);
  });

  it('refuses a stale writer, also one with several writes under way', async () => {
    const { open, bodies } = setUp();
    const stale = await open(new ManualTerm(1, 'old'));
    await stale.append(record('a'));
    const fresh = await open(new ManualTerm(2, 'new'));
    const results = await Promise.allSettled(['x', 'y', 'z'].map((body) => stale.append(record(body))));
    for (const result of results) {
      expect(result).toEqual({ status: 'rejected', reason: expect.objectContaining({ code: 'fenced' }) });
    }
    await fresh.append(record('b'));
    await expect(stale.append(record('late'))).rejects.toMatchObject({ code: 'fenced' });
    expect(bodies()).toEqual(['a', 'b']);
  });

  it('does not let the second of two writes in when a new epoch took the place of the first', async () => {
    const { open, bodies, stream, clock } = setUp();
    const stale = await open(new ManualTerm(1, 'old'));
    stream.fate = () => 'delay';
    const outcomes = [watch(stale.append(record('x'))), watch(stale.append(record('y')))];
    stream.fate = () => 'take';
    await open(new ManualTerm(2, 'new'));
    stream.deliverDelayed();
    await clock.advance(60_000);
    expect(bodies()).toEqual([]);
    expect(outcomes.map(({ error }) => error?.code)).toEqual(['fenced', 'fenced']);
  });

  it('raises its epoch above the one it finds, which only a held lease can', async () => {
    const { open, stream } = setUp();
    await open(new ManualTerm(9, 'other'));
    const term = new ManualTerm(3, 'me');
    await open(term);
    expect(term.epoch).toBe(10);
    expect(JSON.parse(text(stream.content.at(-1)!.data))).toEqual({ epoch: 10, holder: 'me' });

    const over = new ManualTerm(3, 'stale');
    over.end();
    await expect(open(over)).rejects.toMatchObject({ code: 'fenced' });
  });

  it('learns after a lost acknowledgement that the record is in', async () => {
    const { open, bodies, stream, clock } = setUp();
    const writer = await open();
    stream.fate = ({ data }) => (text(data) === 'a' ? 'lose-ack' : 'take');
    const outcome = watch(writer.append(record('a')));
    await clock.advance(5_000);
    expect(outcome.value).toBe(2);
    expect(await writer.append(record('b'))).toBe(3);
    expect(bodies()).toEqual(['a', 'b']);
  });

  it('sends again what was lost, with everything after it, in order', async () => {
    const { open, bodies, stream, clock } = setUp();
    const writer = await open();
    let lost = 0;
    stream.fate = ({ data }) => (text(data) === 'b' && lost++ === 0 ? 'lose' : 'take');
    const outcomes = ['a', 'b', 'c', 'd'].map((body) => watch(writer.append(record(body))));
    await clock.advance(5_000);
    expect(outcomes.map(({ value }) => value)).toEqual([2, 3, 4, 5]);
    expect(bodies()).toEqual(['a', 'b', 'c', 'd']);
  });

  it('survives a restart of the server that has forgotten the ids it knew', async () => {
    const { open, bodies, stream, clock } = setUp();
    const writer = await open();
    await writer.append(record('a'));
    stream.down();
    const during = watch(writer.append(record('b')));
    await clock.advance(1_000);
    stream.restart({ forgetIds: true });
    await clock.advance(1_000);
    expect(during.value).toBe(3);
    stream.restart({ forgetIds: true });
    const after = watch(writer.append(record('c')));
    await clock.advance(1_000);
    expect(after.value).toBe(4);
    expect(bodies()).toEqual(['a', 'b', 'c']);
  });

  it('says "deadline" of what may be in, "unavailable" of what is not, and goes on', async () => {
    const { open, bodies, stream, clock } = setUp();
    const writer = await open();
    stream.fate = () => 'lose';
    const sent = watch(writer.append(record('a')));
    await clock.advance(500);
    stream.down();
    await clock.advance(20_000);
    const waiting = watch(writer.append(record('b')));
    await clock.advance(20_000);
    expect(sent.error?.code).toBe('deadline');
    expect(waiting.error?.code).toBe('unavailable');
    stream.fate = () => 'take';
    stream.restart();
    const next = watch(writer.append(record('c')));
    await clock.advance(5_000);
    expect(next.value).toBeDefined();
    expect(bodies()).toEqual(['c']);
  });

  it('passes on what the server will never take, and fails what was written after it', async () => {
    const { open, bodies, stream, clock } = setUp();
    const writer = await open();
    stream.fate = ({ data }) => (text(data) === 'b' ? 'refuse' : 'take');
    const outcomes = ['a', 'b', 'c'].map((body) => watch(writer.append(record(body))));
    await clock.advance(1_000);
    expect(outcomes.map(({ value, error }) => value ?? error?.code)).toEqual([2, 'limit', 'unavailable']);
    await writer.append(record('d'));
    expect(bodies()).toEqual(['a', 'd']);
  });

  it('fails all that waited when one was refused, also beyond the window', async () => {
    const { open, bodies, stream } = setUp();
    const writer = await open();
    stream.fate = ({ data }) => (text(data) === 'a' ? 'refuse' : 'take');
    const bodiesWanted = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
    const results = await Promise.allSettled(bodiesWanted.map((body) => writer.append(record(body))));
    expect(results.map(({ status }) => status)).toEqual(bodiesWanted.map(() => 'rejected'));
    expect(bodies()).toEqual([]);
  });

  it('knows its own closing record again when the acknowledgement of that is lost', async () => {
    const { open, bodies, stream, clock } = setUp();
    const writer = await open();
    stream.fate = ({ subject }) => (subject === EPOCH ? 'lose-ack' : 'lose');
    const given = watch(writer.append(record('a')));
    await clock.advance(20_000);
    expect(given.error?.code).toBe('deadline');
    stream.fate = () => 'take';
    const next = watch(writer.append(record('b')));
    await clock.advance(5_000);
    expect(next.value).toBeDefined();
    expect(bodies()).toEqual(['b']);
  });

  it('refuses a record that is too large before it is sent, without harm to the others', async () => {
    const { open, bodies, stream } = setUp();
    stream.maxRecord = 100;
    const writer = await open();
    const before = writer.append(record('a'));
    await expect(writer.append({ subject: 'log.big', data: new Uint8Array(101) })).rejects.toMatchObject({
      code: 'limit',
    });
    await Promise.all([before, writer.append(record('b'))]);
    expect(bodies()).toEqual(['a', 'b']);
  });

  it('stops for good when the stream has lost what it acknowledged', async () => {
    const { open, stream, clock } = setUp();
    const writer = await open();
    await writer.append(record('a'));
    const old = stream.copy();
    await writer.append(record('b'));
    const failures: HeddleError[] = [];
    writer.onFailure((error) => failures.push(error));
    stream.restore(old);
    const outcome = watch(writer.append(record('c')));
    await clock.advance(8_000);
    expect(outcome.error?.code).toBe('state');
    expect(failures.map(({ code }) => code)).toEqual(['state']);
    await expect(writer.append(record('d'))).rejects.toMatchObject({ code: 'state' });
  });

  it('stops when its term ends, and leaves no timer behind', async () => {
    const { open, clock, stream } = setUp();
    const term = new ManualTerm();
    const writer = await open(term);
    stream.down();
    const outcome = watch(writer.append(record('a')));
    term.end();
    await clock.advance(0);
    expect(outcome.error?.code).toBe('fenced');
    await clock.advance(60_000);
    expect(clock.pendingTimers).toBe(0);
  });

  describe('under random faults', () => {
    const fate = fc.oneof(
      { weight: 6, arbitrary: fc.constant<AppendFate>('take') },
      { weight: 4, arbitrary: fc.constantFrom<AppendFate>('lose', 'lose-ack', 'slow-ack', 'delay') },
      { weight: 1, arbitrary: fc.constant<AppendFate>('refuse') },
    );
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.record({ do: fc.constant('write' as const), count: fc.integer({ min: 1, max: 6 }) }) },
      { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 6_000 }) }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('arrive' as const) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('down' as const) }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('restart' as const), forgetIds: fc.boolean() }) },
      {
        weight: 1,
        arbitrary: fc.record({ do: fc.constant('takeOver' as const), count: fc.integer({ min: 0, max: 3 }) }),
      },
    );

    it('never loses, doubles, reorders or half-applies, and never writes after it was fenced', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(step, { minLength: 3, maxLength: 25 }),
          fc.array(fate, { minLength: 1, maxLength: 40 }),
          fc.constantFrom(0, 0, 300, 800),
          async (steps, fates, latencyMs) => {
            const { clock, stream, open, bodies } = setUp();
            const writer = await open(new ManualTerm(1, 'first'));
            let turn = 0;
            stream.fate = () => fates[turn++ % fates.length]!;
            stream.latencyMs = latencyMs;
            let now = 0;
            const writes: { body: string; at: number; outcome: ReturnType<typeof watch>; rejectedAt?: number }[] = [];
            let takenOver = false;
            for (const current of steps) {
              now++;
              switch (current.do) {
                case 'write':
                  for (let i = 0; i < current.count; i++) {
                    const body = `w${writes.length}`;
                    const promise = writer.append(record(body));
                    const write: (typeof writes)[number] = { body, at: now, outcome: watch(promise) };
                    promise.catch(() => (write.rejectedAt = now));
                    writes.push(write);
                  }
                  await clock.advance(0);
                  break;
                case 'wait':
                  await clock.advance(current.ms);
                  break;
                case 'arrive':
                  if (stream.up) stream.deliverDelayed();
                  break;
                case 'down':
                  stream.down();
                  break;
                case 'restart':
                  stream.restart(current);
                  break;
                case 'takeOver': {
                  if (takenOver || !stream.up) break;
                  takenOver = true;
                  stream.write({ subject: EPOCH, data: Buffer.from('{"epoch":2,"holder":"second"}'), id: 'second' });
                  for (let i = 0; i < current.count; i++) stream.write({ ...record(`n${i}`), id: `n${i}` });
                  break;
                }
              }
            }
            now++;
            stream.restart();
            stream.fate = () => 'take';
            stream.latencyMs = 0;
            await clock.advance(60_000);
            stream.deliverDelayed();

            const found = bodies();
            const own = found.filter((body) => body.startsWith('w'));
            expect(new Set(found).size).toBe(found.length);
            expect(own).toEqual(writes.map(({ body }) => body).filter((body) => own.includes(body)));
            for (const { body, outcome } of writes) {
              if (outcome.value !== undefined) {
                expect(text((await stream.get(outcome.value))!.data)).toBe(body);
              } else {
                expect(outcome.error).toBeInstanceOf(HeddleError);
                const unknown = /is unknown$/.test(outcome.error!.message);
                if (!unknown) expect(own).not.toContain(body);
                else expect(['deadline', 'fenced']).toContain(outcome.error!.code);
              }
            }
            writes.forEach((failed, i) => {
              if (failed.rejectedAt === undefined || own.includes(failed.body)) return;
              for (const later of writes.slice(i + 1)) {
                if (later.at < failed.rejectedAt) expect(own).not.toContain(later.body);
              }
            });
            if (takenOver) {
              const epochAt = stream.content.find(({ id }) => id === 'second')!.sequence;
              const late = stream.content.filter(
                ({ sequence, data }) => sequence > epochAt && text(data).startsWith('w'),
              );
              expect(late).toEqual([]);
            } else {
              expect(watch(writer.append(record('end'))).error).toBeUndefined();
              await clock.advance(1_000);
              expect(bodies()).toContain('end');
            }
            writer.close();
            await clock.advance(10_000);
            expect(clock.pendingTimers).toBe(0);
          },
        ),
      );
    });
  });
});

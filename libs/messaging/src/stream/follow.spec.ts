import { FakeClock } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import fc from 'fast-check';
import { MemoryStream } from '../testing/memory-store';
import { follow, readToEnd, type FollowOptions } from './follow';

function setUp() {
  const clock = new FakeClock();
  const stream = new MemoryStream({ name: 'LOG', description: '', subjects: ['log.>'] }, clock);
  let count = 0;
  const write = (n = 1) => {
    for (let i = 0; i < n; i++) stream.write({ subject: 'log.x', data: Buffer.from(''), id: `r${++count}` });
  };
  const abort = new AbortController();
  const seen: number[] = [];
  const start = (options: Partial<FollowOptions> = {}) => {
    const result: { error?: HeddleError; over?: boolean } = {};
    follow(stream, {
      from: 1,
      signal: abort.signal,
      clock,
      onRecord: ({ sequence }) => void seen.push(sequence),
      ...options,
    }).then(
      () => (result.over = true),
      (error: HeddleError) => (result.error = error),
    );
    return result;
  };
  return { clock, stream, write, abort, seen, start };
}

describe('follow', () => {
  it('reads what is there and what comes, and tells when it has caught up', async () => {
    const { clock, write, abort, seen, start } = setUp();
    write(3);
    let caughtUp = 0;
    const result = start({ onCaughtUp: () => caughtUp++ });
    await clock.advance(0);
    expect([seen, caughtUp]).toEqual([[1, 2, 3], 1]);
    write(2);
    await clock.advance(0);
    expect([seen, caughtUp]).toEqual([[1, 2, 3, 4, 5], 2]);
    abort.abort();
    await clock.advance(0);
    expect(result).toEqual({ over: true });
    expect(clock.pendingTimers).toBe(0);
  });

  it('tells at once that an empty stream is caught up', async () => {
    const { clock, start } = setUp();
    let caughtUp = 0;
    start({ onCaughtUp: () => caughtUp++ });
    await clock.advance(0);
    expect(caughtUp).toBe(1);
  });

  it('hands over one record after the other, however slow the handler is', async () => {
    const { clock, stream, write, start } = setUp();
    write(3);
    const steps: string[] = [];
    start({
      onRecord: async ({ sequence }) => {
        steps.push(`begin ${sequence}`);
        await clock.sleep(100);
        steps.push(`end ${sequence}`);
      },
    });
    await clock.advance(150);
    stream.restart();
    await clock.advance(1_000);
    expect(steps).toEqual(['begin 1', 'end 1', 'begin 2', 'end 2', 'begin 3', 'end 3']);
  });

  it('misses and repeats nothing over any number of interruptions', async () => {
    const step = fc.constantFrom('write', 'write', 'down', 'restart', 'wait');
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const { clock, stream, write, seen, start, abort } = setUp();
        const result = start();
        for (const current of steps) {
          if (current === 'write') write(2);
          else if (current === 'down') stream.down();
          else if (current === 'restart') stream.restart();
          else await clock.advance(300);
        }
        stream.restart();
        await clock.advance(5_000);
        expect(seen).toEqual(stream.content.map(({ sequence }) => sequence));
        expect(result).toEqual({});
        abort.abort();
        await clock.advance(0);
        expect(clock.pendingTimers).toBe(0);
      }),
    );
  });

  it('ends with what its handler throws', async () => {
    const { clock, write, start } = setUp();
    write();
    const result = start({
      onRecord: () => {
        throw new HeddleError('invalid', 'cannot apply');
      },
    });
    await clock.advance(0);
    expect(result.error).toMatchObject({ code: 'invalid', message: 'cannot apply' });
  });

  describe('notices, once it has lasted for a while, a store', () => {
    it('that was restored from an older copy', async () => {
      const { clock, stream, write, seen, start } = setUp();
      write(2);
      const old = stream.copy();
      write(2);
      const interruptions: string[] = [];
      const result = start({ onInterrupted: ({ code }) => interruptions.push(code) });
      await clock.advance(0);
      stream.restore(old);
      await clock.advance(1_000);
      expect(result).toEqual({});
      expect(interruptions).toContain('state');
      await clock.advance(6_000);
      expect(result.error).toMatchObject({ code: 'state', message: expect.stringContaining('ends at 2') });
      expect(seen).toEqual([1, 2, 3, 4]);
    });

    it('that was restored and went on from there', async () => {
      const { clock, stream, write, seen, start } = setUp();
      write(2);
      const old = stream.copy();
      write(2);
      const result = start();
      await clock.advance(0);
      stream.down();
      stream.restore(old);
      write(5);
      await clock.advance(7_000);
      expect(result.error).toMatchObject({ code: 'state', message: expect.stringContaining('another record at 4') });
      expect(seen).toEqual([1, 2, 3, 4]);
    });

    it('that is empty', async () => {
      const { clock, stream, write, start } = setUp();
      write(2);
      const result = start();
      await clock.advance(0);
      stream.restore();
      await clock.advance(7_000);
      expect(result.error).toMatchObject({ code: 'state' });
    });

    it('that is not the one an earlier run has read', async () => {
      const { clock, write, start } = setUp();
      write(3);
      const known = start({ from: 3, after: { sequence: 2, is: ({ id }) => id === 'r2' } });
      const unknown = start({ from: 3, after: { sequence: 2, is: ({ id }) => id === 'other' } });
      await clock.advance(7_000);
      expect(known).toEqual({});
      expect(unknown.error).toMatchObject({ code: 'state' });
    });
  });

  it('goes on when what it had read has expired meanwhile', async () => {
    const clock = new FakeClock();
    const stream = new MemoryStream({ name: 'KV', description: '', subjects: ['k.>'], perSubject: 1 }, clock);
    const seen: number[] = [];
    const abort = new AbortController();
    const write = (id: string) => stream.write({ subject: 'k.a', data: Buffer.from(''), id });
    write('1');
    const running = follow(stream, {
      from: 1,
      signal: abort.signal,
      clock,
      onRecord: ({ sequence }) => void seen.push(sequence),
    });
    await clock.advance(0);
    stream.down();
    write('2');
    write('3');
    stream.restart();
    await clock.advance(5_000);
    expect(seen).toEqual([1, 3]);
    abort.abort();
    await running;
  });
});

describe('readToEnd', () => {
  it('reads what is there when it is called', async () => {
    const { stream, write } = setUp();
    expect(await readToEnd(stream, () => undefined)).toBe(0);
    write(3);
    const seen: number[] = [];
    const end = await readToEnd(stream, ({ sequence }) => {
      seen.push(sequence);
      if (sequence === 1) write();
    });
    expect([end, seen]).toEqual([3, [1, 2, 3]]);
  });
});

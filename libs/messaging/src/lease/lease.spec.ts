import { FakeClock, sleepOn, type Clock } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import fc from 'fast-check';
import { MemoryCasBucket } from '../testing/memory-bucket';
import type { CasBucketPort, CasEntry } from './cas-bucket';
import { Lease } from './lease';
import type { Term } from './term';

// The model test runs as often as the long run asks for.
jest.setTimeout(600_000);

const TTL = 3_000;

function setUp() {
  const clock = new FakeClock();
  const bucket = new MemoryCasBucket();
  const log: string[] = [];
  const lease = (holder: string, on: { clock?: Clock; bucket?: CasBucketPort } = {}) => {
    const made = new Lease({ bucket, name: 'scheduler', holder, ttlMs: TTL, clock, ...on });
    made.onAcquired(({ epoch }) => log.push(`${holder} acquired ${epoch}`));
    made.onLost((_, why) => log.push(`${holder} lost: ${why.message.split(': ')[1]}`));
    return made;
  };
  return { clock, bucket, log, lease };
}

describe('Lease', () => {
  it('is taken at once when it is free, and renewed', async () => {
    const { clock, lease, log } = setUp();
    const a = lease('a').start();
    await clock.advance(0);
    expect(a.term).toMatchObject({ holder: 'a', epoch: 1 });
    await clock.advance(20 * TTL);
    expect(a.term?.epoch).toBe(1);
    expect(log).toEqual(['a acquired 1']);
    await a.close();
  });

  it('passes on at once when it is given back, with a higher epoch', async () => {
    const { clock, lease, log } = setUp();
    const [a, b] = [lease('a').start(), lease('b')];
    await clock.advance(0);
    b.start();
    await clock.advance(TTL);
    expect(b.term).toBeUndefined();
    const term = a.term as Term;
    await a.close();
    expect(term.isHeld()).toBe(false);
    expect(term.signal.aborted).toBe(true);
    await clock.advance(TTL / 3 + 10);
    expect(b.term?.epoch).toBe(2);
    expect(log).toEqual(['a acquired 1', 'a lost: it was given back', 'b acquired 2']);
    await b.close();
    await clock.advance(TTL);
    expect(clock.pendingTimers).toBe(0);
  });

  it('is lost by a holder that is cut off before another can take it', async () => {
    const { clock, lease, log } = setUp();
    const cutOff = new MemoryCasBucket();
    const bucket = new MemoryCasBucket();
    const route: CasBucketPort = {
      get: (key) => (cutOff.up ? bucket.get(key) : cutOff.get(key)),
      put: (...args) => (cutOff.up ? bucket.put(...args) : cutOff.put(...args)),
    };
    const [a, b] = [lease('a', { bucket: route }).start(), lease('b', { bucket })];
    await clock.advance(0);
    b.start();
    await clock.advance(1_500);
    cutOff.up = false;
    let [lostAt, takenAt] = [0, 0];
    a.onLost(() => (lostAt = clock.monotonic()));
    b.onAcquired(() => (takenAt = clock.monotonic()));
    await clock.advance(3 * TTL);
    expect(log).toEqual(['a acquired 1', 'a lost: it could not be renewed in time', 'b acquired 2']);
    expect(takenAt - lostAt).toBeGreaterThan(0);
    expect(takenAt - lostAt).toBeLessThan(TTL);
    cutOff.up = true;
    await clock.advance(TTL);
    expect(a.term).toBeUndefined();
    await Promise.all([a.close(), b.close()]);
  });

  it('runs from before the request was sent, not from when the answer came', async () => {
    const { clock, bucket, lease } = setUp();
    let slow = false;
    const route: CasBucketPort = {
      get: (key) => bucket.get(key),
      put: async (...args) => {
        if (slow) throw new HeddleError('unavailable', 'not connected');
        const revision = await bucket.put(...args);
        await clock.sleep(900);
        slow = true;
        return revision;
      },
    };
    const [a, b] = [lease('a', { bucket: route }).start(), lease('b').start()];
    await clock.advance(900);
    expect(a.term?.epoch).toBe(1);
    let overlap = false;
    b.onAcquired(() => (overlap = a.term !== undefined));
    await clock.advance(2 * TTL);
    expect(b.term?.epoch).toBe(2);
    expect(overlap).toBe(false);
    await Promise.all([a.close(), b.close()]);
  });

  it('is lost at once when the bucket comes back with nothing, and taken again', async () => {
    const { clock, bucket, lease, log } = setUp();
    const a = lease('a').start();
    await clock.advance(0);
    bucket.wipe();
    await clock.advance(TTL);
    expect(log).toEqual(['a acquired 1', 'a lost: its record is gone', 'a acquired 1']);
    await a.close();
  });

  it('raises its epoch while it is held, and not afterwards', async () => {
    const { clock, bucket, lease } = setUp();
    const a = lease('a').start();
    await clock.advance(0);
    const term = a.term as Term;
    expect(await term.raise(7)).toBe(7);
    expect(await term.raise(3)).toBe(7);
    expect((await bucket.get('scheduler'))?.value).toMatchObject({ epoch: 7 });
    await a.close();
    await expect(term.raise(9)).rejects.toMatchObject({ code: 'fenced' });

    const b = lease('b').start();
    await clock.advance(TTL);
    expect(b.term?.epoch).toBe(8);
    await b.close();
  });

  it('can be waited for', async () => {
    const { clock, lease } = setUp();
    const [a, b] = [lease('a').start(), lease('b').start()];
    expect((await a.whenHeld(1_000)).holder).toBe('a');
    const never = b.whenHeld(1_000).catch((error: unknown) => error);
    await clock.advance(1_000);
    expect(await never).toMatchObject({ code: 'deadline' });
    const abort = new AbortController();
    const given = b.whenHeld(1_000, abort.signal).catch((error: unknown) => error);
    abort.abort();
    expect(await given).toMatchObject({ code: 'unavailable' });
    await Promise.all([a.close(), b.close()]);
  });

  describe('with clocks that drift, and messages that are slow, lost or late', () => {
    /** A clock that runs `rate` times as fast as the world's. */
    function drifting(world: FakeClock, rate: number): Clock {
      const clock: Clock = {
        now: () => world.now(),
        monotonic: () => world.monotonic() * rate,
        after: (ms, callback) => world.after(ms / rate, callback),
        every: (ms, callback) => world.every(ms / rate, callback),
        sleep: (ms, signal) => sleepOn(clock, ms, signal),
      };
      return clock;
    }

    type Route = { there: number; back: number; loss: 'none' | 'request' | 'reply' };

    /** The bucket over a network: each call takes the next of the routes. */
    class RemoteBucket implements CasBucketPort {
      private turn = 0;
      cutOff = false;
      constructor(
        private readonly world: FakeClock,
        private readonly bucket: MemoryCasBucket,
        private readonly routes: readonly Route[],
      ) {}
      get(key: string): Promise<CasEntry | undefined> {
        return this.carry(() => this.bucket.get(key), 60_000);
      }
      put(key: string, value: unknown, revision: number, timeoutMs: number): Promise<number> {
        return this.carry(() => this.bucket.put(key, value, revision, timeoutMs), timeoutMs);
      }
      private carry<T>(work: () => Promise<T>, timeoutMs: number): Promise<T> {
        const { there, back, loss } = this.routes[this.turn++ % this.routes.length]!;
        if (this.cutOff) return Promise.reject(new HeddleError('unavailable', 'not connected'));
        return new Promise<T>((resolve, reject) => {
          this.world.after(timeoutMs, () => reject(new HeddleError('deadline', 'no answer')));
          if (loss === 'request') return;
          this.world.after(there, () => {
            void work().then(
              (value) => loss === 'reply' || this.world.after(back, () => resolve(value)),
              (error: unknown) => loss === 'reply' || this.world.after(back, () => reject(error)),
            );
          });
        });
      }
    }

    const route = fc.record({
      there: fc.integer({ min: 0, max: 1_200 }),
      back: fc.integer({ min: 0, max: 1_200 }),
      loss: fc.constantFrom<Route['loss']>('none', 'none', 'none', 'none', 'request', 'reply'),
    });
    const holder = fc.record({
      rate: fc.constantFrom(0.97, 1, 1.03),
      routes: fc.array(route, { minLength: 1, maxLength: 20 }),
    });
    const event = fc.record({
      after: fc.integer({ min: 50, max: 4_000 }),
      who: fc.nat(2),
      what: fc.constantFrom('cutOff', 'connect', 'connect', 'close'),
    });

    it('is never held twice, its epochs grow, and somebody gets it in the end', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(holder, { minLength: 2, maxLength: 3 }),
          fc.array(event, { maxLength: 12 }),
          async (holders, events) => {
            const world = new FakeClock();
            const bucket = new MemoryCasBucket();
            const epochs: number[] = [];
            const parties = holders.map(({ rate, routes }, i) => {
              const remote = new RemoteBucket(world, bucket, routes);
              const make = () => {
                const clock = drifting(world, rate);
                const lease = new Lease({ bucket: remote, name: 'l', holder: `h${i}`, ttlMs: TTL, clock });
                lease.onAcquired(({ epoch }) => epochs.push(epoch));
                return lease.start();
              };
              return { remote, make, lease: make(), closing: Promise.resolve() };
            });
            const check = () => {
              const holding = parties.filter(({ lease }) => lease.term !== undefined).length;
              expect(holding).toBeLessThanOrEqual(1);
            };
            const pass = async (ms: number) => {
              for (let t = 0; t < ms; t += 100) {
                await world.advance(100);
                check();
              }
            };
            for (const { after, who, what } of events) {
              await pass(after);
              const party = parties[who % parties.length]!;
              if (what === 'close') {
                party.closing = party.lease.close();
                party.lease = party.make();
              } else party.remote.cutOff = what === 'cutOff';
            }
            for (const party of parties) {
              party.remote.cutOff = false;
              Object.assign(party.remote, { routes: [{ there: 10, back: 10, loss: 'none' }] });
            }
            await pass(4 * TTL);
            expect(parties.filter(({ lease }) => lease.term !== undefined)).toHaveLength(1);
            expect(epochs).toEqual([...epochs].sort((a, b) => a - b));
            expect(new Set(epochs).size).toBe(epochs.length);
            const closed = Promise.all(parties.flatMap(({ lease, closing }) => [lease.close(), closing]));
            await world.advance(60_000);
            await closed;
          },
        ),
      );
    });
  });
});

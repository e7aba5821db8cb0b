import fc from 'fast-check';
import { hostLiveness, type HostLiveness, type LivenessOptions } from './liveness';

const OPTIONS: LivenessOptions = { windowMs: 10_000, massLossFraction: 0.5, natsConnectedSince: 0 };
const NOW = 1_000_000;
type Ages = Readonly<Record<string, number | undefined>>;

/** Judges hosts by the age of their last heartbeat. */
function judge(ages: Ages, options: Partial<LivenessOptions> = {}, previous?: Map<string, HostLiveness>, now = NOW) {
  const beats = Object.entries(ages).map(([name, age]): [string, number | undefined] => [
    name,
    age === undefined ? undefined : now - age,
  ]);
  return hostLiveness(new Map(beats), now, { ...OPTIONS, ...options }, previous);
}
const states = (result: Map<string, HostLiveness>) =>
  Object.fromEntries([...result].map(([name, { state }]) => [name, state]));

describe('hostLiveness', () => {
  it('goes from ready to suspect to lost as silence grows', () => {
    expect(states(judge({ a: 0, b: 4999, c: 5000, d: 0, e: 0 }))).toEqual({
      a: 'ready',
      b: 'ready',
      c: 'suspect',
      d: 'ready',
      e: 'ready',
    });
    expect(states(judge({ a: 0, b: 9999, c: 0 }))).toEqual({ a: 'ready', b: 'suspect', c: 'ready' });
    const lost = judge({ a: 0, b: 10_000, c: 0 });
    expect(lost.get('b')).toEqual({
      state: 'lost',
      since: NOW,
      lastHeartbeat: NOW - 10_000,
      reason: 'last heard from 10 s ago; given up after 10 s of silence',
    });
  });

  it('counts silence from the return of NATS, a whole window', () => {
    const ages = { a: 60_000, b: 0, c: 0 };
    expect(states(judge(ages, { natsConnectedSince: NOW - 9999 }))).toMatchObject({ a: 'suspect' });
    expect(states(judge(ages, { natsConnectedSince: NOW - 10_000 }))).toMatchObject({ a: 'lost' });
  });

  it('gives nobody up while NATS is away', () => {
    const result = judge({ a: 1e9, b: 60_000, c: 0, d: undefined }, { natsConnectedSince: undefined });
    expect(states(result)).toEqual({ a: 'suspect', b: 'suspect', c: 'ready', d: 'suspect' });
    expect(result.get('d')?.reason).toBe('never heard from, but NATS is away');
  });

  it('waits a second window when many fall silent at once, even if not in the same moment', () => {
    const many = judge({ a: 10_000, b: 8000, c: 0 });
    expect(states(many)).toEqual({ a: 'suspect', b: 'suspect', c: 'ready' });
    expect(many.get('a')?.reason).toBe(
      'last heard from 10 s ago; 2 of 3 hosts are silent at once, so it has another window',
    );
    expect(states(judge({ a: 20_000, b: 18_000, c: 0 }))).toEqual({ a: 'lost', b: 'lost', c: 'ready' });
    expect(states(judge({ a: 10_000, b: 8000, c: 0, d: 0 }))).toMatchObject({ a: 'lost' });
  });

  it('gives a single host up, however few there are', () => {
    expect(states(judge({ a: 10_000 }))).toEqual({ a: 'lost' });
    expect(states(judge({ a: 10_000, b: 0 }))).toEqual({ a: 'lost', b: 'ready' });
  });

  it('keeps a lost host lost until it is heard from, whatever becomes of the others', () => {
    const first = judge({ a: 10_000, b: 0, c: 0 });
    const next = judge({ a: 15_000, b: 5000, c: 5000 }, {}, first, NOW + 5000);
    expect(next.get('a')).toMatchObject({ state: 'lost', since: NOW });
    const away = judge({ a: 16_000, b: 0, c: 0 }, { natsConnectedSince: undefined }, next, NOW + 6000);
    expect(away.get('a')).toMatchObject({ state: 'lost', since: NOW });
    const back = judge({ a: 100, b: 0, c: 0 }, {}, away, NOW + 7000);
    expect(back.get('a')).toMatchObject({ state: 'ready', since: NOW + 7000 });
  });

  it('does not take one loss after another for a loss at once', () => {
    const first = judge({ a: 10_000, b: 0, c: 0 });
    expect(states(judge({ a: 15_000, b: 10_000, c: 0 }, {}, first))).toEqual({ a: 'lost', b: 'lost', c: 'ready' });
  });

  it('judges by its own clock: a heartbeat from the future is one from now', () => {
    expect(states(judge({ a: -5000, b: 0 }))).toEqual({ a: 'ready', b: 'ready' });
  });

  it('keeps the time of a state while it lasts', () => {
    const first = judge({ a: 0 });
    expect(judge({ a: 0 }, {}, first, NOW + 500).get('a')?.since).toBe(NOW);
  });

  const age = fc.option(fc.integer({ min: 0, max: 40_000 }), { nil: undefined });
  const connected = fc.option(fc.integer({ min: NOW - 40_000, max: NOW }), { nil: undefined });

  it('never gives up a host that spoke within the window, nor before a window after NATS came back', () => {
    fc.assert(
      fc.property(fc.array(age, { maxLength: 8, size: 'max' }), connected, (ages, natsConnectedSince) => {
        const named = Object.fromEntries(ages.map((a, i) => [`h${i}`, a]));
        const result = judge(named, { natsConnectedSince });
        expect([...result.keys()]).toEqual(Object.keys(named));
        for (const [name, { state }] of result) {
          const silent = Math.min(named[name] ?? Infinity, NOW - (natsConnectedSince ?? NOW));
          if (state === 'lost') expect(silent).toBeGreaterThanOrEqual(OPTIONS.windowMs);
          if (state === 'ready') expect(named[name]).toBeLessThan(OPTIONS.windowMs / 2);
          // And everybody is decided on in the end.
          if (silent >= 2 * OPTIONS.windowMs) expect(state).toBe('lost');
        }
      }),
    );
  });
});

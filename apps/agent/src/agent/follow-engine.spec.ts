import { FakeEngine } from '@heddle/docker';
import { FakeClock, waitFor } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import { followEngine } from './follow-engine';

describe('followEngine', () => {
  function setUp() {
    const engine = new FakeEngine({ images: ['heddle/demo'] });
    const clock = new FakeClock();
    const seen: string[] = [];
    const errors: string[] = [];
    const ending = new AbortController();
    followEngine(
      engine,
      { lookAt: (path) => void seen.push(`look ${path}`), resynchronise: async () => void seen.push('resync') },
      { signal: ending.signal, onError: (error) => errors.push(error.message), clock },
    );
    const see = (what: string): Promise<true> =>
      waitFor(() => seen.includes(what), { deadlineMs: 2_000, what }) as Promise<true>;
    return { engine, clock, seen, errors, ending, see };
  }
  const create = (engine: FakeEngine, allocation?: string) =>
    engine.createContainer({
      name: allocation ?? 'theirs',
      image: 'heddle/demo',
      labels: allocation ? { 'heddle.allocation': allocation } : {},
      network: { name: 'none' },
      resources: { cpu: 1, memoryBytes: 33_554_432, pids: 10 },
    });

  it('has everything compared at the start and after events were lost, and one allocation looked at for each event', async () => {
    const { engine, seen, ending, see } = setUp();
    await see('resync');
    const id = await create(engine, 'a');
    await engine.start(await create(engine));
    await engine.start(id);
    await see('look a');
    seen.length = 0;
    engine.exit(id, 1);
    await see('look a');
    engine.loseEvents();
    await see('resync');
    expect(seen).toEqual(['look a', 'resync']);
    ending.abort();
  });

  it('compares every ten seconds, whatever the events say', async () => {
    const { clock, seen, ending, see } = setUp();
    await see('resync');
    seen.length = 0;
    await clock.advance(30_000);
    expect(seen).toEqual(['resync', 'resync', 'resync']);
    ending.abort();
  });

  it('follows again when the stream breaks, says so, and ends when it is told to', async () => {
    const engine = new FakeEngine();
    engine.fail('events', new HeddleError('internal', 'bad JSON'));
    const clock = new FakeClock();
    const errors: string[] = [];
    let resyncs = 0;
    const ending = new AbortController();
    followEngine(
      engine,
      { lookAt: () => undefined, resynchronise: async () => void resyncs++ },
      { signal: ending.signal, onError: (error) => errors.push(error.message), clock },
    );
    await clock.advance(999);
    expect([errors, resyncs]).toEqual([['bad JSON'], 0]);
    await clock.advance(1);
    await clock.advance(0);
    expect(resyncs).toBe(1);
    ending.abort();
    await clock.advance(0);
    expect(clock.pendingTimers).toBe(0);
  });
});

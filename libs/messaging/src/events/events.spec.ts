import type { EventFact } from '@heddle/model';
import { MemoryStore, type MemoryStream } from '../testing/memory-store';
import { Events, type StoredEvent } from './events';

const fact = (changes: Partial<EventFact> = {}): EventFact => ({
  at: '2026-01-01T00:00:00Z',
  kind: 'Service',
  tenant: 'acme',
  name: 'shop/web',
  what: 'started',
  message: 'web 1 was started on h1',
  ...changes,
});

async function setUp() {
  const store = new MemoryStore();
  const events = await Events.open(store);
  return { events, stream: store.streams.get('EVENTS') as MemoryStream };
}

describe('Events', () => {
  it('give the newest facts that match, oldest first', async () => {
    const { events } = await setUp();
    for (const name of ['shop/web', 'shop/api', 'shop/web']) await events.emit(fact({ name }));
    await events.emit(fact({ tenant: 'other' }));
    await events.emit(fact({ kind: 'Host', tenant: '', name: 'h1', what: 'lost' }));
    const names = (found: StoredEvent[]) => found.map(({ sequence }) => sequence);
    expect(names(await events.history({}, 10))).toEqual([1, 2, 3, 4, 5]);
    expect(names(await events.history({}, 2))).toEqual([4, 5]);
    expect(names(await events.history({ tenant: 'acme', name: 'shop/web' }, 10))).toEqual([1, 3]);
    expect(names(await events.history({ kind: 'Host', tenant: '' }, 10))).toEqual([5]);
    expect((await events.history({ kind: 'Host' }, 1))[0]).toEqual({
      ...fact({ kind: 'Host', tenant: '', name: 'h1', what: 'lost' }),
      sequence: 5,
    });
    expect(await events.history({ kind: 'Epg' }, 10)).toEqual([]);
  });

  it('can be watched from now on, or from where a reader stopped', async () => {
    const { events } = await setUp();
    await events.emit(fact());
    const abort = new AbortController();
    const [fromNow, fromStart]: [number[], number[]] = [[], []];
    const watching = [
      events.watch({}, { signal: abort.signal, onEvent: ({ sequence }) => fromNow.push(sequence) }),
      events.watch({ tenant: 'acme' }, { after: 0, signal: abort.signal, onEvent: (e) => fromStart.push(e.sequence) }),
    ];
    await new Promise((resolve) => setImmediate(resolve));
    await events.emit(fact({ tenant: 'other' }));
    await events.emit(fact());
    await new Promise((resolve) => setImmediate(resolve));
    expect([fromNow, fromStart]).toEqual([
      [2, 3],
      [1, 3],
    ]);
    abort.abort();
    await Promise.all(watching);
  });

  it('tell when a fact could not be written', async () => {
    const { events, stream } = await setUp();
    stream.down();
    await expect(events.emit(fact())).rejects.toMatchObject({ code: 'unavailable' });
    await expect(events.emit(fact({ name: '' }))).rejects.toMatchObject({ code: 'invalid' });
  });
});

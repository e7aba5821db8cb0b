import type { EventFact } from '@heddle/model';
import { UnreachableError } from '../errors';
import { QuickClock } from '../testing/quick-clock';
import { followEvents, type EventSource } from './follow';

const fact = (n: number): EventFact => ({
  at: new Date(Date.UTC(2026, 0, 1, 0, 0, n)).toISOString(),
  kind: 'Service',
  tenant: 'acme',
  name: 'shop/web',
  what: 'started',
  message: `number ${n}`,
});

/** One connection for each list: what it brings before it breaks; `undefined` cannot be made. */
function source(connections: (EventFact[] | undefined)[], known: EventFact[]): EventSource {
  return {
    events: async ({ limit = 100 }) => known.slice(-limit),
    eventStream: async () => {
      const facts = connections.shift();
      if (!facts) throw new UnreachableError('connection refused', false);
      return (async function* () {
        for (const one of facts) {
          known.push(one);
          yield one;
        }
        throw new UnreachableError('the connection broke', true);
      })();
    },
  };
}

async function follow(from: EventSource, count: number, before = 2) {
  const seen: string[] = [];
  const lost: string[] = [];
  const stop = new AbortController();
  const options = {
    filter: {},
    before,
    clock: new QuickClock(),
    signal: stop.signal,
    onLost: (reason: string) => lost.push(reason),
  };
  for await (const { message } of followEvents(from, options)) {
    seen.push(message);
    if (seen.length === count) break;
  }
  return { seen, lost };
}

describe('followEvents', () => {
  it('begins with the last of the past and goes on', async () => {
    const { seen } = await follow(source([[fact(4)]], [fact(1), fact(2), fact(3)]), 3);
    expect(seen).toEqual(['number 2', 'number 3', 'number 4']);
  });

  it('connects again, shows what it missed, and nothing twice', async () => {
    const known = [fact(1), fact(2)];
    const from = source([[fact(3)], undefined, [fact(6)]], known);
    const missed = { ...from, events: from.events };
    const events = async (filter: { limit?: number }): Promise<readonly EventFact[]> => {
      // While nobody was connected, two more happened.
      if (known.length === 3) known.push(fact(4), fact(5));
      return missed.events(filter);
    };
    const { seen, lost } = await follow({ ...from, events }, 6);
    expect(seen).toEqual([1, 2, 3, 4, 5, 6].map((n) => `number ${n}`));
    expect(lost).toEqual(['the connection broke', 'connection refused']);
  });

  it('fails when there is no server to begin with', async () => {
    await expect(follow(source([undefined], []), 1)).rejects.toThrow('connection refused');
  });
});

import { FakeClock } from '@heddle/host';
import type { Watermark } from '@heddle/model';
import fc from 'fast-check';
import { hostMayRead, permissionsFor } from '../permissions';
import { subjectMatches, subjects } from '../subjects';
import { MemoryBus } from '../testing/memory-bus';
import { MemoryHub, type Fate } from '../testing/memory-transport';
import { Publisher } from './publisher';
import type { Refusal } from './replica';
import { Subscriber, type Accepted } from './subscriber';

// The model test runs as often as the long run asks for.
jest.setTimeout(600_000);

const TOPIC = 'allocations.h1';
type Content = ReadonlyMap<string, number>;

function setUp(maxPayload?: number) {
  const clock = new FakeClock();
  const hub = new MemoryHub(clock, maxPayload);
  const publisher = (identity: Pick<Watermark, 'clusterUid' | 'incarnation'>, epoch: number) => {
    const bus = new MemoryBus({ hub, name: 'scheduler' });
    return new Publisher({ bus, clock, service: 'scheduler', identity, epoch });
  };
  const subscriber = (accepted?: Watermark & { epoch: number }, host: string | null = 'h1', topic = TOPIC) => {
    const state = {
      accepted: undefined as Accepted<number> | undefined,
      refusal: undefined as Refusal | undefined,
      /** The set as the changes add up. */
      seen: new Map<string, number>(),
      troubles: [] as string[],
    };
    const reader = new Subscriber<number>({
      bus: new MemoryBus({ hub, name: 'agent', ...(host === null ? {} : { host }) }),
      clock,
      service: 'scheduler',
      topic,
      accepted,
      onAccepted: (now, change) => {
        state.accepted = now;
        for (const [key, value] of change.put) state.seen.set(key, value);
        for (const key of change.delete) state.seen.delete(key);
      },
      onRefused: (refusal) => (state.refusal = refusal),
      onTrouble: ({ message }) => state.troubles.push(message),
    });
    return { reader, state };
  };
  return { clock, hub, publisher, subscriber };
}
const cluster = { clusterUid: 'c', incarnation: 1 };

describe('distribution', () => {
  it('brings a late joiner the set, and then every change', async () => {
    const { clock, publisher, subscriber } = setUp();
    const source = publisher(cluster, 3);
    source.publish(TOPIC, new Map([['a', 1]]), 10);
    source.start();
    const { reader, state } = subscriber();
    await clock.advance(0);
    expect(state.accepted).toMatchObject({ watermark: { ...cluster, position: 10 }, epoch: 3 });
    source.publish(TOPIC, new Map([['b', 2]]), 11);
    await clock.advance(0);
    expect([...reader.entries]).toEqual([['b', 2]]);
    expect(state.seen).toEqual(new Map([['b', 2]]));
    await source.stop();
    await reader.close();
    await clock.advance(10_000);
    expect(clock.pendingTimers).toBe(0);
  });

  it('goes on where a change is too large for a message', async () => {
    const { clock, publisher, subscriber } = setUp(400_000);
    const source = publisher(cluster, 1);
    source.publish(TOPIC, new Map(), 1);
    source.start();
    const { state } = subscriber();
    await clock.advance(0);
    const large = new Map(Array.from({ length: 50_000 }, (_, i) => [`key-${i}`, i]));
    source.publish(TOPIC, large, 2);
    await clock.advance(1_000);
    expect(state.seen.size).toBe(50_000);
    expect(state.accepted?.watermark.position).toBe(2);
  });

  it.each(['allocations.h2', 'allocations.h1.h2', 'hosts', 'allocation-status', 'anything'])(
    'gives a host nothing of %s, which is not for it, and the control plane everything',
    async (topic) => {
      const { clock, publisher, subscriber } = setUp();
      const source = publisher(cluster, 1);
      source.publish(topic, new Map([['a', 1]]), 1);
      source.start();
      const { state } = subscriber(undefined, 'h1', topic);
      const { state: service } = subscriber(undefined, null, topic);
      await clock.advance(0);
      expect(state.accepted).toBeUndefined();
      expect(state.troubles).toEqual([expect.stringContaining('is not for the host h1')]);
      expect(service.seen).toEqual(new Map([['a', 1]]));
    },
  );

  it.each(['policy', 'endpoints', 'allocations.h1', 'allocations.h2', 'hosts', 'allocation-status', 'policy.h2'])(
    'answers a host about %s if its NATS user may subscribe to it, and only then',
    (topic) => {
      const { allow } = permissionsFor({ host: 'h1' }).subscribe;
      expect(hostMayRead('h1', topic)).toBe(allow.some((pattern) => subjectMatches(pattern, subjects.dist(topic))));
    },
  );

  it('asks again until there is somebody who answers', async () => {
    const { clock, publisher, subscriber } = setUp();
    const { state } = subscriber();
    await clock.advance(30_000);
    const source = publisher(cluster, 1);
    source.publish(TOPIC, new Map([['a', 1]]), 1);
    source.start();
    await clock.advance(3_000);
    expect(state.seen).toEqual(new Map([['a', 1]]));
  });

  it('follows the writer with the higher epoch when there are two', async () => {
    const { clock, publisher, subscriber } = setUp();
    const stale = publisher(cluster, 1);
    stale.publish(TOPIC, new Map([['stale', 1]]), 5);
    stale.start();
    const { state } = subscriber();
    await clock.advance(0);
    const fresh = publisher(cluster, 2);
    fresh.publish(TOPIC, new Map([['fresh', 1]]), 5);
    fresh.start();
    await clock.advance(10_000);
    stale.publish(TOPIC, new Map([['stale', 2]]), 6);
    await clock.advance(10_000);
    expect(state.seen).toEqual(new Map([['fresh', 1]]));
    expect(state.accepted?.epoch).toBe(2);
  });

  it.each([
    ['an older copy', { clusterUid: 'c', incarnation: 1 }, 2, 9, 'older'],
    ['an older copy, by a writer with a higher epoch', { clusterUid: 'c', incarnation: 1 }, 7, 9, 'older'],
    ['another cluster', { clusterUid: 'x', incarnation: 5 }, 9, 99, 'foreign'],
  ])('refuses %s, says so, and takes it once it is accepted', async (_, identity, epoch, position, reason) => {
    const { clock, publisher, subscriber } = setUp();
    const { reader, state } = subscriber({ ...cluster, position: 10, epoch: 5 });
    const source = publisher(identity, epoch);
    source.publish(TOPIC, new Map(), position);
    source.start();
    await clock.advance(10_000);
    expect(state.accepted).toBeUndefined();
    expect(state.refusal).toMatchObject({ reason, have: { position: 10 }, got: { ...identity, position } });
    await source.stop();
    const accepted = publisher({ clusterUid: 'c', incarnation: 2 }, epoch);
    accepted.publish(TOPIC, new Map([['a', 1]]), position);
    accepted.start();
    await clock.advance(5_000);
    expect(state.refusal).toBeUndefined();
    expect([...reader.entries.keys()]).toEqual(['a']);
  });

  it('ends in the right state, and is never in a wrong one, whatever is lost, doubled, late or restarted', async () => {
    const keys = fc.constantFrom('a', 'b', 'c', 'd');
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ do: fc.constant('publish' as const), to: fc.dictionary(keys, fc.nat(9)) }) },
      { weight: 4, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 3_000 }) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('down' as const, 'rejoin' as const) }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('up' as const, 'up' as const, 'failover' as const) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('restore' as const, 'accept' as const) }) },
    );
    const fate = fc.oneof(
      { weight: 6, arbitrary: fc.constant<Fate>('deliver') },
      { weight: 2, arbitrary: fc.constantFrom<Fate>('drop', 'duplicate') },
      { weight: 2, arbitrary: fc.integer({ min: 1, max: 4_000 }) },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 25 }),
        fc.array(fate, { minLength: 1, maxLength: 30 }),
        async (steps, fates) => {
          const { clock, hub, publisher, subscriber } = setUp();
          let turn = 0;
          hub.intercept = () => fates[turn++ % fates.length]!;
          /** What was ever published, by incarnation and position. */
          const truth = new Map<string, Content>();
          let incarnation = 1;
          let epoch = 5;
          let now: { position: number; content: Content } = { position: 1, content: new Map() };
          const history = [now];
          let restored = false;
          let source = publisher({ clusterUid: 'c', incarnation }, epoch);
          const publish = () => {
            truth.set(`${incarnation} ${now.position}`, now.content);
            source.publish(TOPIC, now.content, now.position);
          };
          const replace = async () => {
            await source.stop();
            source = publisher({ clusterUid: 'c', incarnation }, epoch);
            publish();
            source.start();
          };
          publish();
          source.start();
          let { reader, state } = subscriber();
          const check = () => {
            if (state.accepted === undefined) return;
            const { watermark, entries } = state.accepted;
            expect(new Map(entries)).toEqual(truth.get(`${watermark.incarnation} ${watermark.position}`));
            expect(new Map(entries)).toEqual(state.seen);
          };
          for (const current of steps) {
            switch (current.do) {
              case 'publish':
                if (restored) break;
                now = { position: now.position + 1, content: new Map(Object.entries(current.to)) };
                history.push(now);
                publish();
                await clock.advance(0);
                break;
              case 'wait':
                for (let t = 0; t < current.ms; t += 250) {
                  await clock.advance(250);
                  check();
                }
                break;
              case 'down':
                hub.down();
                break;
              case 'up':
                hub.restart();
                break;
              case 'failover':
                epoch++;
                await replace();
                break;
              case 'restore': {
                if (restored || history.length < 3) break;
                // The server comes back with an older copy, in which the lease has an older epoch.
                restored = true;
                hub.down();
                await source.stop();
                now = history[Math.floor(history.length / 2)]!;
                epoch -= 1;
                await replace();
                hub.restart();
                break;
              }
              case 'accept':
                if (!restored) break;
                restored = false;
                incarnation++;
                history.length = 0;
                history.push(now);
                await replace();
                break;
              case 'rejoin': {
                const known = state.accepted && { ...state.accepted.watermark, epoch: state.accepted.epoch };
                await reader.close();
                ({ reader, state } = subscriber(known));
                break;
              }
            }
            check();
          }
          const before = state.accepted;
          hub.restart();
          hub.intercept = () => 'deliver';
          await clock.advance(40_000);
          check();
          const ahead =
            (before?.watermark.position ?? 0) > now.position && before?.watermark.incarnation === incarnation;
          if (!restored) {
            expect(state.accepted?.watermark).toEqual({ clusterUid: 'c', incarnation, position: now.position });
            expect(state.refusal).toBeUndefined();
          } else if (ahead) {
            expect(state.accepted).toEqual(before);
            expect(state.refusal?.reason).toBe('older');
          }
          await source.stop();
          await reader.close();
          await clock.advance(20_000);
          expect(clock.pendingTimers).toBe(0);
        },
      ),
    );
  });
});

import fc from 'fast-check';
import { isAvailable, maximumOf, minimumOf } from './instance';
import { World } from './testing/world';

const HOSTS = ['h1', 'h2', 'h3', 'h4'];
/** h0 is never lost and always fit, so that there is always a host to converge on. */
const ALL = ['h0', ...HOSTS];

type Event = (world: World) => void;
const placeOn =
  (world: World, seed: number) =>
  (n: number): string | undefined => {
    const ready = ALL.filter((h) => world.hosts.get(h)?.state === 'ready' && !world.unfit.has(h));
    return ready[(n * 7 + seed) % ready.length];
  };

const number = fc.nat({ max: 1000 });
const update = fc
  .record({ maxSurge: fc.nat({ max: 3 }), maxUnavailable: fc.nat({ max: 3 }) })
  .map((u) => (u.maxSurge + u.maxUnavailable > 0 ? u : { ...u, maxSurge: 1 }));

/** What may happen to a service and its hosts between two looks of the scheduler. */
const event: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 6,
    arbitrary: number.map(
      (s): Event =>
        (w) =>
          w.step((n) => (n * 13 + s) % 3 > 0),
    ),
  },
  {
    weight: 4,
    arbitrary: number.map(
      (n): Event =>
        (w) =>
          w.fail(n),
    ),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(fc.constantFrom(...HOSTS), fc.constantFrom('ready', 'ready', 'suspect', 'lost', 'removed' as const))
      .map(
        ([host, state]): Event =>
          (w) =>
            w.setHost(host, state),
      ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(...HOSTS).map(
      (host): Event =>
        (w) =>
          w.unfit.delete(host) || w.unfit.add(host),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom('v1', 'v2', 'v3', 'broken').map((templateHash): Event => (w) => {
      w.goal = { ...w.goal, templateHash };
    }),
  },
  {
    weight: 2,
    arbitrary: fc.nat({ max: 6 }).map((replicas): Event => (w) => {
      w.goal = { ...w.goal, replicas };
    }),
  },
  {
    weight: 1,
    arbitrary: update.map((u): Event => (w) => {
      w.goal = { ...w.goal, update: u };
    }),
  },
  {
    weight: 1,
    arbitrary: fc.boolean().map((deleted): Event => (w) => {
      // A service that comes back after its deletion is another one.
      w.goal = { ...w.goal, deleted, uid: w.goal.deleted && !deleted ? `${w.goal.uid}'` : w.goal.uid };
    }),
  },
);

/** Each look: some events, then one decision; now and then there is no room for what is to start. */
const script = fc.array(
  fc.record({
    events: fc.array(event, { maxLength: 4 }),
    seed: number,
    room: fc.integer({ min: 0, max: 5 }).map((n) => n > 0),
  }),
  { maxLength: 40, size: 'max' },
);

function newWorld(): World {
  const world = new World(ALL);
  world.broken.add('broken');
  return world;
}

/** Carries out one decision, and checks the promises about it. Plain comparisons: there are tens of thousands of looks. */
function lookSafely(world: World, place: (n: number) => string | undefined): void {
  const { available, started, instances, goal } = world;
  world.placeable = place(0) === undefined ? 0 : undefined;
  const live = world.live;
  const decision = world.reconcile(place);
  const byName = new Map(instances.map((i) => [i.name, i]));
  const isConfirmed = (name: string): boolean => {
    const gone = byName.get(name);
    return gone?.phase === 'stopped' && gone.desired === 'stop';
  };
  const isOnRemovedHost = (name: string): boolean => world.hosts.get(byName.get(name)?.host ?? '')?.state === 'removed';
  const indexes = new Set(instances.map((i) => i.index));
  const lowest = Array.from({ length: indexes.size + decision.start.length }, (_, i) => i).filter(
    (i) => !indexes.has(i),
  );

  const promises = {
    'enough stay available': goal.deleted || world.available >= Math.min(available, minimumOf(goal)),
    'without a place for another, none is stopped for where it is':
      world.placeable === undefined ||
      decision.stop.every((s) => s.reason !== 'misplaced') ||
      live - decision.stop.filter((s) => s.reason === 'misplaced').length >= goal.replicas,
    'not too many are started': world.started <= Math.max(started, maximumOf(goal)),
    'nothing of a deleted service runs or starts':
      !goal.deleted || (decision.start.length === 0 && world.instances.every((i) => i.desired === 'stop')),
    'only what runs is stopped': decision.stop.every((s) => byName.get(s.allocation)?.desired === 'run'),
    'only what is confirmed is removed': decision.remove.every((n) => isConfirmed(n) || isOnRemovedHost(n)),
    'the lowest free indexes are used': decision.start.every((s, i) => s.index === lowest[i]),
    'names are unique': new Set(world.instances.map((i) => i.name)).size === world.instances.length,
  };
  const broken = Object.entries(promises).filter(([, kept]) => !kept);
  if (broken.length > 0) throw new Error(`broken: ${broken.map(([promise]) => promise).join(', ')}`);
}

describe('reconcileService, over random histories', () => {
  it('keeps its promises at every look: enough available, not too many started, tombstones before removal', () => {
    fc.assert(
      fc.property(script, (looks) => {
        const world = newWorld();
        for (const { events, seed, room } of looks) {
          for (const happen of events) happen(world);
          lookSafely(world, room ? placeOn(world, seed) : () => undefined);
        }
      }),
    );
  });

  it('asks for nothing more once its answer was carried out', () => {
    fc.assert(
      fc.property(script, (looks) => {
        const world = newWorld();
        for (const { events, seed } of looks) {
          for (const happen of events) happen(world);
          world.reconcile(placeOn(world, seed));
          const { start, stop, remove } = world.decide();
          if (start.length + stop.length + remove.length > 0) expect({ start, stop, remove }).toBe('nothing');
        }
      }),
    );
  });

  it('does not depend on the order of the instances', () => {
    fc.assert(
      fc.property(script, (looks) => {
        const world = newWorld();
        for (const { events, seed } of looks) {
          for (const happen of events) happen(world);
          const decision = JSON.stringify(world.decide());
          world.instances.reverse();
          if (JSON.stringify(world.decide()) !== decision) expect(world.decide()).toEqual(JSON.parse(decision));
          world.reconcile(placeOn(world, seed));
        }
      }),
    );
  });

  it('ends with exactly the wanted instances, healthy, once faults cease', () => {
    fc.assert(
      fc.property(script, fc.constantFrom('ready' as const, 'lost' as const), (looks, rest) => {
        const world = newWorld();
        for (const { events, seed } of looks) {
          for (const happen of events) happen(world);
          world.reconcile(placeOn(world, seed));
        }
        world.goal = { ...world.goal, templateHash: 'good' };
        for (const host of HOSTS) if (world.hosts.get(host)?.state !== 'removed') world.setHost(host, rest);
        let looksLeft = 200;
        while (!world.decide().summary.complete && looksLeft-- > 0) {
          world.step(() => true);
          lookSafely(world, placeOn(world, 0));
        }
        const { summary } = world.decide();
        expect(summary).toMatchObject({ complete: true, waiting: [] });
        const reached = world.instances.filter((i) => ['ready'].includes(world.hosts.get(i.host)!.state));
        expect(reached).toHaveLength(world.goal.deleted ? 0 : world.goal.replicas);
        expect(reached.every((i) => isAvailable(i) && i.templateHash === 'good' && i.desired === 'run')).toBe(true);
        expect(reached.filter((i) => world.unfit.has(i.host))).toEqual([]);
        // What is left on lost hosts has its tombstone, for when they return.
        expect(world.instances.filter((i) => !reached.includes(i)).every((i) => i.desired === 'stop')).toBe(true);
      }),
    );
  });

  it('keeps the old instances when a template never becomes healthy, and none is below the minimum', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), update, (replicas, u) => {
        const world = newWorld();
        world.goal = { ...world.goal, replicas, update: u };
        const settle = (): void => {
          for (let i = 0; i < 60; i++) {
            lookSafely(world, placeOn(world, i));
            world.step(() => true);
          }
        };
        settle();
        world.goal = { ...world.goal, templateHash: 'broken' };
        settle();
        expect(world.available).toBe(minimumOf(world.goal));
        world.goal = { ...world.goal, templateHash: 'v1' };
        settle();
        expect(world.decide().summary.complete).toBe(true);
      }),
    );
  });
});

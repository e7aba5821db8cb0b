import type { HostStates } from './classify';
import { goalOf, instanceOf, type Instance } from './instance';
import { reconcileService } from './reconcile';
import { World, goal, instance } from './testing/world';
import { parseObject, type AllocationStatus, type HeddleObject } from '@heddle/model';

const NOW = 100_000;
const HOSTS: HostStates = new Map([
  ['h1', { state: 'ready', since: 0 }],
  ['h2', { state: 'ready', since: 0 }],
  ['h3', { state: 'ready', since: 0 }],
  ['silent', { state: 'suspect', since: 0 }],
  ['lost', { state: 'lost', since: 86_000 }],
  ['gone', { state: 'removed', since: 0 }],
]);
const three = (over: Partial<Instance> = {}): Instance[] =>
  ['h1', 'h2', 'h3'].map((host, i) => instance(`web-${i}`, { host, createdAt: i, ...over }));
const decide = (g: ReturnType<typeof goal>, instances: readonly Instance[]) =>
  reconcileService(g, instances, HOSTS, NOW);
const stopped = (result: ReturnType<typeof decide>): string[] => result.stop.map((s) => `${s.allocation} ${s.reason}`);
const started = (result: ReturnType<typeof decide>): number[] => result.start.map((s) => s.index);

describe('reconcileService', () => {
  it('starts what is missing, at the lowest free indexes', () => {
    expect(decide(goal(), []).start).toEqual(
      [0, 1, 2].map((index) => ({ index, templateHash: 'v1', reason: 'missing' })),
    );
    expect(started(decide(goal({ replicas: 5 }), [instance('web-1'), instance('web-3')]))).toEqual([0, 2, 4]);
  });

  it('has nothing to do when all is as wanted', () => {
    expect(decide(goal(), three())).toEqual({
      start: [],
      stop: [],
      remove: [],
      summary: {
        replicas: 3,
        current: 3,
        outdated: 0,
        available: 3,
        lost: 0,
        stopping: 0,
        complete: true,
        waiting: [],
      },
    });
  });

  it('scales up at once and down by choosing victims', () => {
    expect(started(decide(goal({ replicas: 6 }), three()))).toEqual([3, 4, 5]);
    expect(stopped(decide(goal({ replicas: 1 }), three()))).toEqual(['web-2 surplus', 'web-1 surplus']);
    const ill = [...three().slice(0, 2), instance('web-2', { host: 'h3', healthy: false })];
    expect(stopped(decide(goal({ replicas: 2 }), ill))).toEqual(['web-2 surplus']);
  });

  it('leaves a failed instance to its host', () => {
    const failing = three().map((i) => ({ ...i, phase: 'backoff' as const, healthy: false }));
    const result = decide(goal(), failing);
    expect([started(result), stopped(result)]).toEqual([[], []]);
    expect(result.summary.waiting).toEqual(['3 instances of the wanted template are not healthy']);
  });

  it('stops everything of a deleted service, lost instances included, and removes what is confirmed', () => {
    const instances = [
      instance('web-0'),
      instance('web-1', { host: 'lost' }),
      instance('web-2', { desired: 'stop', phase: 'running' }),
      instance('web-3', { desired: 'stop', phase: 'stopped' }),
    ];
    const result = decide(goal({ deleted: true }), instances);
    expect(stopped(result)).toEqual(['web-0 service-deleted', 'web-1 service-deleted']);
    expect(result.remove).toEqual(['web-3']);
    expect(result.start).toEqual([]);
  });

  it('stops the instances of an earlier service of the name, and counts them until they are gone', () => {
    const result = decide(goal({ uid: 'u2' }), three());
    expect(stopped(result)).toEqual(['web-0', 'web-1', 'web-2'].map((n) => `${n} service-recreated`));
    expect(started(result)).toEqual([3]);
  });

  describe('rolling update', () => {
    const update = (maxSurge: number, maxUnavailable: number) =>
      goal({ templateHash: 'v2', update: { maxSurge, maxUnavailable } });

    it('starts new before it stops old when none may be unavailable', () => {
      const first = decide(update(1, 0), three());
      expect([started(first), stopped(first)]).toEqual([[3], []]);
      expect(first.start[0]).toEqual({ index: 3, templateHash: 'v2', reason: 'outdated' });
      const unproven = instance('web-3', { templateHash: 'v2', healthy: false });
      const second = decide(update(1, 0), [...three(), unproven]);
      expect([started(second), stopped(second)]).toEqual([[], []]);
      expect(second.summary.waiting).toEqual([
        '2 instances cannot start yet: 4 are there, and at most 4 may be (replicas 3 + maxSurge 1)',
        '3 instances of an older template cannot stop yet: 3 are available, and at least 3 must be (replicas 3 - maxUnavailable 0)',
        '1 instance of the wanted template is not healthy',
      ]);
      const proven = decide(update(1, 0), [...three(), { ...unproven, healthy: true }]);
      expect([started(proven), stopped(proven)]).toEqual([[], ['web-2 outdated']]);
    });

    it('stops old before it starts new when there may be no surplus, and waits for the stop to be confirmed', () => {
      const first = decide(update(0, 1), three());
      expect([started(first), stopped(first)]).toEqual([[], ['web-2 outdated']]);
      const stopping = three().map((i, n): Instance => (n === 2 ? { ...i, desired: 'stop', phase: 'stopping' } : i));
      const second = decide(update(0, 1), stopping);
      expect([started(second), stopped(second), second.remove]).toEqual([[], [], []]);
      expect(second.summary.waiting).toContain('1 instance has not stopped yet');
      const confirmed = stopping.map((i): Instance => (i.desired === 'stop' ? { ...i, phase: 'stopped' } : i));
      const third = decide(update(0, 1), confirmed);
      expect([started(third), stopped(third), third.remove]).toEqual([[3], [], ['web-2']]);
    });

    it('goes in large steps when it may', () => {
      const result = decide(update(2, 2), three());
      expect([started(result), stopped(result)]).toEqual([
        [3, 4],
        ['web-2 outdated', 'web-1 outdated'],
      ]);
    });

    it('replaces instances that do not work first, but does not bet on the new ones', () => {
      const old = three();
      const broken: Instance[] = [{ ...old[0]!, healthy: false }, old[1]!, old[2]!];
      expect(stopped(decide(update(1, 0), broken))).toEqual([]);
      const fresh = instance('web-3', { templateHash: 'v2' });
      expect(stopped(decide(update(1, 0), [...broken, fresh]))).toEqual(['web-0 outdated']);
      const unproven = { ...fresh, healthy: false };
      expect(stopped(decide(update(1, 0), [...broken, unproven]))).toEqual([]);
    });

    it('keeps a broken old instance when the new ones are no better, also beside a surplus', () => {
      const g = goal({ replicas: 1, templateHash: 'v2' });
      const fresh = [4, 5].map((n) => instance(`web-${n}`, { templateHash: 'v2', healthy: false, createdAt: n }));
      expect(stopped(decide(g, [instance('web-0', { healthy: false }), ...fresh]))).toEqual(['web-5 surplus']);
    });

    it('tears nothing down when every report is missing', () => {
      const unknown = three({ phase: 'pending', healthy: false });
      const result = decide(update(1, 0), unknown);
      expect([started(result), stopped(result)]).toEqual([[3], []]);
    });

    // Marathon's vectors for its upgrade strategy (instances, minimum health capacity, maximum over capacity, healthy now;
    // largest capacity, to kill now), with minimum and maximum written as maxUnavailable and maxSurge.
    it.each([
      [1, 0, 1, 1, 1, 1],
      [1, 0, 1, 0, 1, 0],
      [5, 0, 2, 5, 5, 2],
      [5, 0, 1, 7, 5, 3],
      [5, 0, 1, 3, 5, 0],
      [5, 0, 1, 5, 5, 1],
      [1, 1, 0, 1, 2, 0],
      [2, 0, 1, 2, 2, 1],
      [10, 0, 9, 1, 10, 0],
      [10, 10, 9, 10, 20, 9],
      [10, 10, 0, 10, 20, 0],
    ])(
      'replaces %i (surge %i, unavailable %i) with %i healthy: at most %i, %i stop now',
      (replicas, maxSurge, maxUnavailable, healthy, capacity, kill) => {
        const old = Array.from({ length: healthy }, (_, i) => instance(`web-${i}`, { templateHash: 'v0' }));
        const result = decide(goal({ replicas, update: { maxSurge, maxUnavailable } }), old);
        expect(result.stop).toHaveLength(kill);
        expect(result.start).toHaveLength(Math.max(0, Math.min(replicas, capacity - healthy)));
      },
    );
  });

  describe('misplaced instances', () => {
    const misplaced = (...names: string[]): Instance[] =>
      three().map((i) => (names.includes(i.name) ? { ...i, misplaced: `host ${i.host} does not meet zone = a` } : i));

    it('are replaced within the bounds of the update, and the others stay', () => {
      const first = decide(goal(), misplaced('web-0'));
      expect(first.start).toEqual([{ index: 3, templateHash: 'v1', reason: 'misplaced' }]);
      expect(stopped(first)).toEqual([]);
      expect(first.summary).toMatchObject({ current: 2, outdated: 1, complete: false });
      expect(first.summary.waiting).toEqual([
        '1 instance is on a host that does not meet the constraints, and is not replaced yet: 3 are available, and at least 3 must be (replicas 3 - maxUnavailable 0)',
      ]);
      const second = decide(goal(), [...misplaced('web-0'), instance('web-3')]);
      expect(second.stop).toEqual([
        { allocation: 'web-0', reason: 'misplaced', message: 'host h1 does not meet zone = a' },
      ]);
    });

    it.each([
      [0, []],
      [1, ['web-2 misplaced']],
      [2, ['web-2 misplaced', 'web-1 misplaced']],
    ])('stop first only as far as %i others can be placed', (placeable, stops) => {
      const update = { maxSurge: 0, maxUnavailable: 3 };
      const result = decide(goal({ update, placeable }), misplaced('web-0', 'web-1', 'web-2'));
      expect(stopped(result)).toEqual(stops);
      const stopping = misplaced('web-0', 'web-1', 'web-2').map((i): Instance =>
        stops.includes(`${i.name} misplaced`) ? { ...i, desired: 'stop' } : i,
      );
      expect(stopped(decide(goal({ update, placeable }), stopping))).toEqual([]);
    });

    it('stop when fewer are wanted, although no other can be placed', () => {
      expect(stopped(decide(goal({ replicas: 2, placeable: 0 }), misplaced('web-0')))).toEqual(['web-0 misplaced']);
    });
  });

  describe('hosts', () => {
    const survivors = three().slice(0, 2);
    const away = instance('web-2', { host: 'lost', createdAt: 2 });

    it('replaces a lost instance, and gives it its tombstone only when the replacement is healthy', () => {
      const first = decide(goal(), [...survivors, away]);
      expect([first.start, stopped(first)]).toEqual([[{ index: 3, templateHash: 'v1', reason: 'host-lost' }], []]);
      const starting = instance('web-3', { host: 'h3', phase: 'starting', healthy: false, createdAt: 3 });
      const second = decide(goal(), [...survivors, away, starting]);
      expect([started(second), stopped(second)]).toEqual([[], []]);
      const third = decide(goal(), [...survivors, away, { ...starting, phase: 'running', healthy: true }]);
      expect(third.stop).toEqual([
        {
          allocation: 'web-2',
          reason: 'host-lost',
          message: 'host lost is lost for 14 s, and enough healthy instances run elsewhere',
        },
      ]);
    });

    it('keeps the returned instance if the replacement is not healthy yet', () => {
      const starting = instance('web-3', { host: 'h3', phase: 'starting', healthy: false, createdAt: 3 });
      expect(stopped(decide(goal(), [...survivors, { ...away, host: 'h3' }, starting]))).toEqual(['web-3 surplus']);
    });

    it.each([
      ['the replacement, which is the youngest', 'h3', 'h4', 'web-3'],
      ['the replacement, on a host that has two', 'h3', 'h1', 'web-3'],
      ['the returned instance, on a host that has two', 'h1', 'h3', 'web-2'],
    ])('if both are healthy at the first look, stops %s', (_, returned, elsewhere, goes) => {
      const hosts: HostStates = new Map([...HOSTS, ['h4', { state: 'ready', since: 0 }]]);
      const both = [{ ...away, host: returned }, instance('web-3', { host: elsewhere, createdAt: 3 })];
      expect(stopped(reconcileService(goal(), [...survivors, ...both], hosts, NOW))).toEqual([`${goes} surplus`]);
    });

    it('keeps the healthy replacement when the host returns: the other one has its tombstone', () => {
      const world = new World(['h1', 'h2', 'h3', 'h4']);
      const run = (n: number, place: (k: number) => string): void => {
        for (let i = 0; i < n; i++) {
          world.reconcile(place);
          world.step(() => true);
        }
      };
      run(5, (k) => `h${k + 1}`);
      expect(world.decide().summary.complete).toBe(true);
      world.setHost('h3', 'lost');
      run(6, () => 'h4');
      expect(world.decide().summary).toMatchObject({ complete: true, available: 3, lost: 0 });
      world.setHost('h3', 'ready');
      run(4, () => 'h4');
      expect(world.instances.map((i) => [i.name, i.host])).toEqual([
        ['web-0', 'h1'],
        ['web-1', 'h2'],
        ['web-3', 'h4'],
      ]);
    });

    it('decides nothing on account of a silent host, nor of an unknown one', () => {
      for (const host of ['silent', 'nowhere']) {
        const silent = { ...away, host };
        const result = decide(goal(), [...survivors, silent]);
        expect([started(result), stopped(result)]).toEqual([[], []]);
        const surplus = decide(goal(), [...survivors, silent, instance('web-3', { host: 'h3' })]);
        expect(stopped(surplus)).toEqual([]);
        expect(surplus.summary.complete).toBe(false);
        expect(surplus.summary.waiting).toEqual([
          '1 instance too many, to be stopped when the silent hosts are heard from or lost',
        ]);
      }
    });

    it('drops lost instances first when scaled down', () => {
      expect(stopped(decide(goal({ replicas: 2 }), [...survivors, away]))).toEqual(['web-2 host-lost']);
    });

    it('does without outdated lost instances first, then without those lost for longest', () => {
      const hosts: HostStates = new Map([...HOSTS, ['earlier', { state: 'lost', since: 50_000 }]]);
      const lost = [
        instance('web-2', { host: 'lost' }),
        instance('web-3', { host: 'earlier' }),
        instance('web-4', { host: 'lost', templateHash: 'v0' }),
      ];
      const order = [5, 4, 3].map((replicas) =>
        reconcileService(goal({ replicas }), [...survivors, ...lost], hosts, NOW).stop.map((s) => s.allocation),
      );
      expect(order).toEqual([[], ['web-4'], ['web-4', 'web-3']]);
    });

    it('forgets what was on a removed host, confirmed or not', () => {
      const instances = [
        ...survivors,
        instance('web-2', { host: 'gone' }),
        instance('web-7', { host: 'gone', desired: 'stop' }),
      ];
      const result = decide(goal(), instances);
      expect(result.remove).toEqual(['web-2', 'web-7']);
      expect(started(result)).toEqual([3]);
    });

    it('is complete although a lost host has not confirmed its tombstones', () => {
      const result = decide(goal(), [...three(), instance('web-9', { host: 'lost', desired: 'stop' })]);
      expect(result.summary.complete).toBe(true);
      expect(result.remove).toEqual([]);
    });
  });
});

describe('objects', () => {
  const at = { tenant: 'acme', application: 'shop' };
  const service = parseObject({
    apiVersion: 'heddle/v1',
    kind: 'Service',
    metadata: { ...at, name: 'web', uid: 'u1' },
    spec: { image: 'heddle/demo', replicas: 2 },
  }) as HeddleObject<'Service'>;
  const allocation = parseObject({
    apiVersion: 'heddle/v1',
    kind: 'Allocation',
    metadata: { ...at, name: 'web-0', uid: 'a1' },
    spec: {
      service: 'web',
      serviceUid: 'u1',
      templateHash: goalOf(service).templateHash,
      index: 0,
      host: 'h1',
      epg: 'web',
      template: { image: 'heddle/demo' },
      desired: 'run',
    },
  }) as HeddleObject<'Allocation'>;
  const status: AllocationStatus = {
    allocation: 'acme/shop/web-0',
    uid: 'a1',
    host: 'h1',
    phase: 'running',
    healthy: true,
    addresses: ['10.32.0.2'],
    restarts: 0,
  };

  it('become a goal and its instances', () => {
    expect(goalOf(service)).toMatchObject({ path: 'acme/shop/web', uid: 'u1', replicas: 2, deleted: false });
    expect(instanceOf(allocation, status, 7)).toMatchObject({
      name: 'web-0',
      phase: 'running',
      healthy: true,
      createdAt: 7,
    });
    expect(started(decide(goalOf(service), [instanceOf(allocation, status, 7)]))).toEqual([1]);
  });

  it('are pending until their host reports, whatever is said of an earlier allocation of the name', () => {
    for (const report of [undefined, { ...status, uid: 'a0' }]) {
      expect(instanceOf(allocation, report, 7)).toMatchObject({ phase: 'pending', healthy: false });
    }
  });
});

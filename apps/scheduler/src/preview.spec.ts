import fc from 'fast-check';
import type { AllocationStatus, HeddleObject, SchedulePreview } from '@heddle/model';
import { preview } from './preview';
import { host, NOW, service, world, type World } from './testing/world';

type Service = HeddleObject<'Service'>;

const of = (services: readonly Service[]) => ({
  services: new Map(services.map((s) => [`acme/shop/${s.metadata.name}`, s])),
});
const planned = (w: World, ...services: Service[]): SchedulePreview => preview(w.snapshot, of(services), NOW);
/** `h1 -> h2` for what takes a place, `+ h2` for what does not, `! ` for what finds none; sorted. */
function lines({ start, stop }: SchedulePreview): string[] {
  const hostOf = new Map(stop.map((s) => [s.allocation, s.host]));
  const taken = new Set(start.map((s) => s.replaces));
  return [
    ...start.map((s) =>
      s.host === undefined ? '!' : s.replaces ? `${hostOf.get(s.replaces)} -> ${s.host}` : `+ ${s.host}`,
    ),
    ...stop.filter((s) => !taken.has(s.allocation)).map((s) => `- ${s.host}`),
  ].sort();
}
const three = [host('h1'), host('h2'), host('h3')];
const settled = (services: Service[], hosts = three): World => {
  const w = world(services, hosts);
  w.settle();
  return w;
};

describe('preview', () => {
  it('tells every instance that a new image replaces, whatever the bounds of the update', () => {
    for (const update of [
      { maxSurge: 1, maxUnavailable: 0 },
      { maxSurge: 0, maxUnavailable: 1 },
      { maxSurge: 2, maxUnavailable: 2 },
    ]) {
      const w = settled([service('web', 3, { update })]);
      const plan = planned(w, service('web', 3, { update, image: 'heddle/demo:2' }));
      expect(plan.stop.map((s) => s.allocation).sort()).toEqual([...w.snapshot.allocations.keys()].sort());
      expect(plan.start).toHaveLength(3);
      expect(new Set(plan.start.map((s) => s.replaces))).toEqual(new Set(plan.stop.map((s) => s.allocation)));
      expect(plan.start[0]?.reason).toBe('replaces an instance of an earlier version');
    }
  });

  it('says that an instance moves when it comes back on another host', () => {
    const update = { maxSurge: 0, maxUnavailable: 1 };
    const at = (name: string) => ({ constraints: [{ attribute: 'host', operator: '=', value: name }], update });
    const w = settled([service('web', 2, at('h1'))]);
    expect(lines(planned(w, service('web', 2, { ...at('h2'), image: 'heddle/demo:2' })))).toEqual([
      'h1 -> h2',
      'h1 -> h2',
    ]);
  });

  it('tells what moves by constraints alone, and what would but has no place', () => {
    const constraints = (value: string) => ({ constraints: [{ attribute: 'host', operator: '!=', value }] });
    const w = settled([service('web', 2)], [host('h1'), host('h2')]);
    const plan = planned(w, service('web', 2, constraints('h1')));
    expect(lines(plan)).toEqual(['h1 -> h2']);
    expect(plan).toMatchObject({
      start: [{ reason: 'replaces an instance on a host that does not meet the constraints' }],
      stop: [{ reason: 'host h1 does not meet host != h1' }],
    });
    const update = { maxSurge: 0, maxUnavailable: 1 };
    const only = settled([service('web', 1, { update })], [host('h1')]);
    expect(lines(planned(only, service('web', 1, { update, ...constraints('h1') })))).toEqual(['!']);
  });

  it('tells more and fewer beside what is replaced', () => {
    const w = settled([service('web', 3)]);
    const more = planned(w, service('web', 5, { image: 'heddle/demo:2' }));
    expect([more.start.length, more.stop.length]).toEqual([5, 3]);
    expect(more.start.filter((s) => s.replaces === undefined).map((s) => s.reason)).toEqual([
      'an instance is missing',
      'an instance is missing',
    ]);
    const fewer = planned(w, service('web', 1, { image: 'heddle/demo:2' }));
    expect([fewer.start.length, fewer.stop.length]).toEqual([1, 3]);
  });

  it('leaves out what is about to happen anyway', () => {
    const big = service('web', 3, { resources: { cpu: 3, memory: '64Mi' } });
    const w = world([big], [host('h1'), host('h2')]);
    expect(lines(planned(w, big))).toEqual([]);
    expect(lines(planned(w, { ...big, spec: { ...big.spec, replicas: 5 } }))).toEqual(['!', '!']);
    expect(lines(planned(w, big, service('api', 1)))).toEqual(['+ h1']);
    w.settle();
    expect(lines(planned(w))).toEqual(['- h1', '- h2']);
  });

  it('leaves out the rest of an update that is under way', () => {
    const next = service('web', 3, { image: 'heddle/demo:2' });
    const w = settled([service('web', 3)]);
    (w.snapshot.services as Map<string, Service>).set('acme/shop/web', next);
    w.apply();
    expect(lines(planned(w, next, service('api', 1)))).toEqual(['+ h2']);
  });

  it('tells what waits for room that the change itself makes as what it becomes', () => {
    const large = { resources: { cpu: 3, memory: '64Mi' }, update: { maxSurge: 0, maxUnavailable: 1 } };
    const w = settled([service('web', 2, large)], [host('h1'), host('h2')]);
    const plan = planned(w, service('web', 2, { ...large, image: 'heddle/demo:2' }));
    expect(lines(plan)).toEqual(['h1 -> h1', 'h2 -> h2']);
    const stuck = { ...large, update: { maxSurge: 1, maxUnavailable: 0 }, image: 'heddle/demo:2' };
    const refused = planned(w, service('web', 2, stuck));
    expect(lines(refused)).toEqual(['!']);
    expect(refused.start[0]?.reason).toContain('no host can take an instance of acme/shop/web');
  });

  it('takes nothing that fails for healthy', () => {
    const w = settled([service('web', 2)]);
    const statuses = w.snapshot.statuses as Map<string, AllocationStatus>;
    const [path = ''] = [...statuses.keys()].slice(-1);
    statuses.set(path, { ...(statuses.get(path) as AllocationStatus), phase: 'backoff', healthy: false });
    expect(planned(w, service('web', 1)).stop.map((s) => s.allocation)).toEqual([path]);
  });

  it('replaces a thousand in imagination without a thousand decisions', () => {
    const hosts = Array.from({ length: 100 }, (_, i) =>
      host(`h${i}`, { spec: { ...host('h').spec, capacity: { cpu: 400, memory: 2 ** 40 } } }),
    );
    const others = Array.from({ length: 100 }, (_, i) => service(`s${i}`, 10));
    const w = settled([service('web', 1000), ...others], hosts);
    const plan = planned(w, service('web', 1000, { image: 'heddle/demo:2' }), ...others);
    expect([plan.start.length, plan.stop.length]).toEqual([1000, 1000]);
  });

  it('tells what becomes of a cluster when it is left to itself', () => {
    const shape = fc.record({
      replicas: fc.integer({ min: 0, max: 5 }),
      image: fc.constantFrom('a', 'b'),
      cpu: fc.constantFrom(0.5, 1, 2),
      update: fc.constantFrom(
        { maxSurge: 1, maxUnavailable: 0 },
        { maxSurge: 0, maxUnavailable: 1 },
        { maxSurge: 2, maxUnavailable: 1 },
      ),
    });
    const services = fc
      .tuple(shape, shape)
      .map((shapes) =>
        shapes.map(({ replicas, cpu, ...rest }, i) =>
          service(`s${i}`, replicas, { ...rest, resources: { cpu, memory: '64Mi' } }),
        ),
      );
    fc.assert(
      fc.property(services, services, (before, after) => {
        const w = settled(before, [host('h1'), host('h2')]);
        const had = new Map(w.snapshot.allocations);
        const plan = planned(w, ...after);
        Object.assign(w.snapshot, of(after));
        w.settle();
        const has = w.snapshot.allocations;
        expect(plan.stop.map((s) => s.allocation).sort()).toEqual([...had.keys()].filter((p) => !has.has(p)).sort());
        const placed = (allocations: Iterable<HeddleObject<'Allocation'>>): string[] =>
          [...allocations].map(({ spec }) => `${spec.service} ${spec.host}`).sort();
        const fresh = [...has].filter(([path]) => !had.has(path)).map(([, a]) => a);
        const starts = plan.start.filter((s) => s.host !== undefined);
        const told = starts.map((s) => `${s.service.slice('acme/shop/'.length)} ${s.host}`).sort();
        expect(told).toEqual(placed(fresh));
      }),
    );
  });
});

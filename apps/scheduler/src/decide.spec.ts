import fc from 'fast-check';
import type { HeddleObject, HostView } from '@heddle/model';
import { epg, host, running, service, world, type World } from './testing/world';

describe('decide', () => {
  it('places the wanted number, spread over the hosts, and then asks for nothing more', () => {
    const w = world([service('web', 6)], [host('h1'), host('h2'), host('h3')]);
    w.settle();
    const perHost = ['h1', 'h2', 'h3'].map((h) => running(w, 'web').filter((a) => a.spec.host === h).length);
    expect(perHost).toEqual([2, 2, 2]);
    const { put, remove, views } = w.apply();
    expect([...put, ...remove]).toEqual([]);
    expect(views[0]).toMatchObject({
      service: 'acme/shop/web',
      replicas: 6,
      running: 6,
      healthy: 6,
      settled: true,
      reasons: [],
    });
  });

  it('is not done with a deleted service before its instances have stopped', () => {
    const w = world([service('web', 2), service('api', 1)], [host('h1'), host('h2', { state: 'lost' })]);
    w.settle();
    (w.snapshot.services as Map<string, HeddleObject<'Service'>>).delete('acme/shop/web');
    const deleted = () => w.apply().views.filter((view) => view.service === 'acme/shop/web');
    expect(deleted()).toMatchObject([{ deleted: true, replicas: 0, running: 2, settled: false }]);
    expect(deleted()).toMatchObject([{ deleted: true, settled: false }]);
    w.settle();
    expect(deleted()).toEqual([]);
    expect(w.apply().views).toMatchObject([{ service: 'acme/shop/api', epg: 'acme/shop/api', settled: true }]);
  });

  it('says why it cannot place', () => {
    const w = world(
      [service('web', 1, { constraints: [{ attribute: 'host', operator: '=', value: 'h9' }] })],
      [host('h1')],
    );
    const { put, views } = w.apply();
    expect(put).toEqual([]);
    expect(views[0]?.settled).toBe(false);
    expect(views[0]?.reasons[0]).toContain('does not meet host = h9');
  });

  describe('with other constraints', () => {
    const not = (name: string) => ({ constraints: [{ attribute: 'host', operator: '!=', value: name }] });
    const perHost = (w: World): number[] =>
      ['h1', 'h2', 'h3'].map((h) => running(w, 'web').filter((a) => a.spec.host === h).length);
    const change = (w: World, to: HeddleObject<'Service'>): void => {
      (w.snapshot.services as Map<string, HeddleObject<'Service'>>).set('acme/shop/web', to);
    };
    const updates = [
      { maxSurge: 1, maxUnavailable: 0 },
      { maxSurge: 0, maxUnavailable: 2 },
    ];

    it.each(updates)('moves what may not stay, and nothing else (%j)', (update) => {
      const w = world([service('web', 3, { update })], [host('h1'), host('h2'), host('h3')]);
      w.settle();
      const stay = running(w, 'web').filter((a) => a.spec.host !== 'h1');
      change(w, service('web', 3, { update, ...not('h1') }));
      const { stop } = w.apply();
      w.settle();
      expect(perHost(w)[0]).toBe(0);
      expect(running(w, 'web')).toEqual(expect.arrayContaining(stay));
      expect(w.apply().views[0]).toMatchObject({ settled: true, reasons: [] });
      if (update.maxSurge === 0) expect(stop.map((s) => s.reason)).toEqual(['host h1 does not meet host != h1']);
    });

    it.each(updates)('leaves it where it is when no host qualifies, and says why (%j)', (update) => {
      const w = world([service('web', 2, { update })], [host('h1'), host('h2', { state: 'suspect' })]);
      w.settle();
      change(w, service('web', 2, { update, ...not('h1') }));
      const before = perHost(w);
      w.settle();
      expect(perHost(w)).toEqual(before);
      const { start, views } = w.apply();
      expect(start).toEqual([
        { service: 'acme/shop/web', reason: expect.stringContaining('1 does not meet host != h1') },
      ]);
      expect(views[0]).toMatchObject({ settled: false, reasons: expect.arrayContaining([start[0]?.reason]) });
    });

    it.each(updates)('moves as many as there is room for (%j)', (update) => {
      const big = { update, resources: { cpu: 2, memory: '64Mi' } };
      const w = world([service('web', 4, big)], [host('h1'), host('h2')]);
      w.settle();
      expect(perHost(w)).toEqual([2, 2, 0]);
      (w.snapshot.hosts as Map<string, HostView>).set(
        'h3',
        host('h3', { spec: { ...host('h').spec, capacity: { cpu: 2, memory: 2 ** 32 } } }),
      );
      change(w, service('web', 4, { ...big, ...not('h1') }));
      for (let i = 0; i < 10; i++) w.apply();
      expect(perHost(w)).toEqual([1, 2, 1]);
    });

    it('moves what a change of the labels of its host excludes', () => {
      const label = { constraints: [{ attribute: 'label.disk', operator: '=', value: 'ssd' }] };
      const ssd = { labels: { disk: 'ssd' } };
      const w = world([service('web', 2, label)], [host('h1', ssd), host('h2', ssd)]);
      w.settle();
      (w.snapshot.hosts as Map<string, HostView>).set('h1', host('h1'));
      w.settle();
      expect(perHost(w)).toEqual([0, 2, 0]);
    });
  });

  describe('with another Domain of the EPG', () => {
    const bind = (w: World, domain: string): void => {
      (w.snapshot.epgs as Map<string, HeddleObject<'Epg'>>).set('acme/shop/web', epg('web', domain));
    };
    const both = { domains: ['default', 'fabric'] };

    it.each([
      { maxSurge: 1, maxUnavailable: 0 },
      { maxSurge: 0, maxUnavailable: 1 },
      { maxSurge: 2, maxUnavailable: 1 },
    ])('replaces every instance within the bounds of the update (%j), and only then', (update) => {
      const w = world([service('web', 4, { update })], [host('h1', both), host('h2', both)]);
      bind(w, 'default');
      w.settle();
      const before = running(w, 'web').map((a) => a.metadata.name);
      // Naming what was meant anyway changes nothing.
      (w.snapshot.epgs as Map<string, HeddleObject<'Epg'>>).clear();
      expect(w.apply().put).toEqual([]);
      bind(w, 'fabric');
      for (let round = 0; w.apply().put.length > 0; round++) {
        expect(round).toBeLessThan(20);
        const present = [...w.snapshot.allocations.values()].filter((a) => a.spec.desired === 'run').length;
        expect(present).toBeLessThanOrEqual(4 + update.maxSurge);
        expect(present).toBeGreaterThanOrEqual(4 - update.maxUnavailable);
      }
      const after = running(w, 'web').map((a) => a.metadata.name);
      expect(after).toHaveLength(4);
      expect(after.filter((name) => before.includes(name))).toEqual([]);
      expect(w.apply().views[0]).toMatchObject({ settled: true, current: 4 });
    });

    it('places on hosts that offer it, never on leaves, and says why others do not', () => {
      const leaf = host('leaf1', { ...both, spec: { ...host('x').spec, role: 'leaf' } });
      const without = host('h1', { domainProblems: { fabric: 'has no uplink "fabric"; it has none' } });
      const w = world([service('web', 2)], [without, leaf, host('h2', both)]);
      bind(w, 'fabric');
      w.settle();
      expect(running(w, 'web').map((a) => a.spec.host)).toEqual(['h2', 'h2']);
      (w.snapshot.hosts as Map<string, HostView>).delete('h2');
      (w.snapshot.allocations as Map<string, unknown>).clear();
      expect(w.apply().views[0]?.reasons[0]).toContain(
        'of 1 host, 1 cannot realise the domain "fabric" (h1 has no uplink "fabric"; it has none)',
      );
    });

    it('keeps instances where they are while no host offers it', () => {
      const w = world([service('web', 2)], [host('h1')]);
      w.settle();
      const before = running(w, 'web');
      bind(w, 'fabric');
      for (let i = 0; i < 5; i++) w.apply();
      expect(running(w, 'web')).toEqual(before);
      expect(w.apply().views[0]).toMatchObject({ settled: false, running: 2 });
    });
  });

  it('replaces the instances of a lost host elsewhere', () => {
    const hosts = [host('h1'), host('h2')];
    const w = world([service('web', 2)], hosts);
    w.settle();
    hosts[0] = host('h1', { state: 'lost' });
    (w.snapshot.hosts as Map<string, HostView>).set('h1', hosts[0]);
    w.settle();
    expect(running(w, 'web').filter((a) => a.spec.host === 'h2')).toHaveLength(2);
  });

  it('gives tombstones when a service is gone, and removes what has stopped', () => {
    const w = world([service('web', 2)], [host('h1')]);
    w.settle();
    (w.snapshot.services as Map<string, HeddleObject<'Service'>>).clear();
    expect(w.apply().stop).toHaveLength(2);
    w.settle();
    expect(w.snapshot.allocations.size).toBe(0);
  });

  it('comes to the wanted number from any number, and stays there', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 8 }), { minLength: 1, maxLength: 5 }), (sizes) => {
        const w = world([service('web', 0)], [host('h1'), host('h2'), host('h3')]);
        for (const size of sizes) {
          (w.snapshot.services as Map<string, HeddleObject<'Service'>>).set('acme/shop/web', service('web', size));
          w.settle();
          expect(running(w, 'web')).toHaveLength(size);
        }
      }),
    );
  });
});

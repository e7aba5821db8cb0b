import fc from 'fast-check';
import type { HeddleObject, HostView } from '@heddle/model';
import { host, running, service, world } from './testing/world';

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

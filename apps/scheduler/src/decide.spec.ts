import fc from 'fast-check';
import { serviceSpec, type AllocationStatus, type HeddleObject, type HostView } from '@heddle/model';
import { beyond, decide, type ClusterSnapshot, type Identity } from './decide';

const NOW = Date.parse('2026-01-01T00:00:00Z');

const host = (name: string, change: Partial<HostView> = {}): HostView => ({
  name,
  spec: {
    zone: 'a',
    underlay: '192.0.2.11',
    capacity: { cpu: 4, memory: 2 ** 32 },
    domains: ['default'],
    uplinks: {},
    schedulable: true,
  },
  labels: {},
  state: 'ready',
  since: new Date(NOW).toISOString(),
  reason: '',
  policyPosition: 0,
  workloadPosition: 0,
  problems: [],
  usage: { containers: 0, endpoints: 0, flows: 0 },
  agentVersion: '0',
  highestClassId: 0,
  ...change,
});

const service = (name: string, replicas: number, change: object = {}): HeddleObject<'Service'> => ({
  apiVersion: 'heddle/v1',
  kind: 'Service',
  metadata: { tenant: 'acme', application: 'shop', name, labels: {}, annotations: {}, uid: `uid-${name}` },
  spec: serviceSpec.parse({ image: 'heddle/demo', replicas, ...change }),
});

function identities(): Identity {
  let next = 0;
  return { name: (s) => `${s}-${next++}`, uid: () => `u${next++}` };
}

interface World {
  snapshot: ClusterSnapshot;
  apply(): ReturnType<typeof decide>;
  settle(): void;
}

/** A small world in which what is decided happens at once. */
function world(services: HeddleObject<'Service'>[], hosts: HostView[]): World {
  const identity = identities();
  const allocations = new Map<string, HeddleObject<'Allocation'>>();
  const statuses = new Map<string, AllocationStatus>();
  const snapshot = {
    services: new Map(services.map((s) => [`acme/shop/${s.metadata.name}`, s])),
    epgs: new Map(),
    allocations,
    statuses,
    hosts: new Map(hosts.map((h) => [h.name, h])),
    removedHosts: new Map(),
  };
  const apply = () => {
    const decision = decide(snapshot, identity, NOW);
    for (const a of decision.put) allocations.set(`acme/shop/${a.metadata.name}`, a);
    for (const path of decision.remove) {
      allocations.delete(path);
      statuses.delete(path);
    }
    for (const [path, a] of allocations) {
      const up = hosts.find((h) => h.name === a.spec.host)?.state === 'ready';
      if (!up) continue;
      const stopped = a.spec.desired === 'stop';
      statuses.set(path, {
        allocation: path,
        uid: a.metadata.uid ?? '',
        host: a.spec.host,
        phase: stopped ? 'stopped' : 'running',
        healthy: !stopped,
        addresses: [],
        restarts: 0,
      });
    }
    return decision;
  };
  return {
    snapshot,
    apply,
    settle: () => {
      for (let i = 0; i < 100; i++) {
        const d = apply();
        if (d.put.length + d.remove.length === 0) return;
      }
      throw new Error('does not settle');
    },
  };
}

const running = (w: World, name: string): HeddleObject<'Allocation'>[] =>
  [...w.snapshot.allocations.values()].filter((a) => a.spec.service === name && a.spec.desired === 'run');

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

  it('tells what a change starts and stops from what is about to happen anyway', () => {
    const big = service('web', 3, { resources: { cpu: 3, memory: '64Mi' } });
    const w = world([big], [host('h1'), host('h2')]);
    const now = decide(w.snapshot, identities(), NOW);
    expect(now.start.map((s) => s.host)).toEqual(['h1', 'h2', undefined]);
    const after = (services: HeddleObject<'Service'>[]) =>
      decide(
        { ...w.snapshot, services: new Map(services.map((s) => [`acme/shop/${s.metadata.name}`, s])) },
        identities(),
        NOW,
      );
    expect(beyond(now, after([big]))).toEqual({ start: [], stop: [] });
    const more = { ...big, spec: { ...big.spec, replicas: 5 } };
    expect(beyond(now, after([more])).start).toEqual([now.start[2], now.start[2]]);
    expect(beyond(now, after([big, service('api', 1)])).start).toEqual([
      expect.objectContaining({ service: 'acme/shop/api', host: 'h1' }),
    ]);
    w.settle();
    const settled = decide(w.snapshot, identities(), NOW);
    expect(beyond(settled, after([])).stop).toHaveLength(2);
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

import { epgSpec, serviceSpec, type AllocationStatus, type HeddleObject, type HostView } from '@heddle/model';
import { decide, type ClusterSnapshot, type Identity } from '../decide';

/** ms since the epoch. */
export const NOW = Date.parse('2026-01-01T00:00:00Z');

export const host = (name: string, change: Partial<HostView> = {}): HostView => ({
  name,
  spec: {
    role: 'host',
    zone: 'a',
    underlay: '192.0.2.11',
    tunnels: true,
    capacity: { cpu: 4, memory: 2 ** 32 },
    uplinks: {},
    schedulable: true,
  },
  labels: {},
  domains: ['default'],
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

export const service = (name: string, replicas: number, change: object = {}): HeddleObject<'Service'> => ({
  apiVersion: 'heddle/v1',
  kind: 'Service',
  metadata: { tenant: 'acme', application: 'shop', name, labels: {}, annotations: {}, uid: `uid-${name}` },
  spec: serviceSpec.parse({ image: 'heddle/demo', replicas, ...change }),
});

/** The EPG of a service of the same name. */
export const epg = (name: string, domain: string): HeddleObject<'Epg'> => ({
  apiVersion: 'heddle/v1',
  kind: 'Epg',
  metadata: { tenant: 'acme', application: 'shop', name, labels: {}, annotations: {}, uid: `epg-${name}` },
  spec: epgSpec.parse({ domain }),
});

function identities(): Identity {
  let next = 0;
  return { name: (s) => `${s}-${next++}`, uid: () => `u${next++}` };
}

export interface World {
  snapshot: ClusterSnapshot;
  apply(): ReturnType<typeof decide>;
  settle(): void;
}

/** A small world in which what is decided happens at once. */
export function world(services: HeddleObject<'Service'>[], hosts: HostView[]): World {
  const identity = identities();
  const allocations = new Map<string, HeddleObject<'Allocation'>>();
  const statuses = new Map<string, AllocationStatus>();
  const snapshot = {
    services: new Map(services.map((s) => [`acme/shop/${s.metadata.name}`, s])),
    epgs: new Map<string, HeddleObject<'Epg'>>(),
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
      const up = snapshot.hosts.get(a.spec.host)?.state === 'ready';
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

export const running = (w: World, name: string): HeddleObject<'Allocation'>[] =>
  [...w.snapshot.allocations.values()].filter((a) => a.spec.service === name && a.spec.desired === 'run');

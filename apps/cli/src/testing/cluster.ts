import type { HeddleObject } from '@heddle/model';

/** A small application as a file. */
export const SHOP = `kind: Tenant
metadata: { name: acme }
---
kind: App
metadata: { tenant: acme, name: shop }
spec:
  services:
    web: { image: heddle/demo, replicas: 3, ports: { http: 8080 } }
    api: { image: heddle/demo, replicas: 2, ports: { http: 8080 } }
  connect:
    - { from: web, to: api, port: http }
`;

export function host(name: string, state: string, more: Readonly<Record<string, unknown>> = {}): HeddleObject<'Host'> {
  return {
    apiVersion: 'heddle/v1',
    kind: 'Host',
    metadata: { name, labels: {}, annotations: {} },
    spec: {
      role: 'host',
      zone: 'default',
      underlay: '192.0.2.11',
      tunnels: true,
      capacity: { cpu: 2, memory: 4 * 1024 ** 3 },
      uplinks: {},
      schedulable: true,
    },
    status: {
      state,
      domains: ['default'],
      since: '2025-12-31T23:57:00Z',
      reason: '',
      problems: [],
      usage: { containers: 2, endpoints: 2, flows: 80 },
      ...more,
    },
  };
}

export function domain(name = 'default'): HeddleObject<'Domain'> {
  return {
    apiVersion: 'heddle/v1',
    kind: 'Domain',
    metadata: { name, labels: {}, annotations: {} },
    spec: { driver: 'ovs', encapsulation: 'vxlan' },
  };
}

/** A Domain with a VLAN pool on the fabric `main`, as the inventory shows it. */
export function wired(name: string): HeddleObject<'Domain'> {
  return {
    ...domain(name),
    spec: {
      driver: 'macvlan',
      fabric: 'main',
      uplink: 'fabric',
      mode: 'vepa',
      tagging: 'trunk',
      vlans: '100-102',
      shim: false,
    },
    status: {
      hosts: ['h1', 'h2'],
      refused: [{ host: 'h3', reason: 'has no uplink "fabric"; it has none' }],
      vlans: { size: 3, used: 1, resting: 1, free: 1 },
      given: [
        { vlan: 100, epg: 'acme/shop/web' },
        { vlan: 101, epg: 'acme/shop/old', waitsFor: ['h1', 'h2'] },
      ],
      problems: [],
    },
  };
}

export function fabric(name: string): HeddleObject<'Fabric'> {
  return {
    apiVersion: 'heddle/v1',
    kind: 'Fabric',
    metadata: { name, labels: {}, annotations: {} },
    spec: { driver: 'ovs-leaf' },
    status: { domains: ['lan'], leaves: ['leaf1'], vlans: { size: 3, used: 1, resting: 0, free: 2 } },
  };
}

/** An endpoint with what is observed of it. */
export function endpoint(
  path: string,
  endpointKind: 'container' | 'vm' | 'baremetal',
  address: string,
  status: Readonly<Record<string, unknown>>,
): HeddleObject<'Endpoint'> {
  const [tenant = '', application = '', name = ''] = path.split('/');
  return {
    apiVersion: 'heddle/v1',
    kind: 'Endpoint',
    metadata: { tenant, application, name, labels: {}, annotations: {} },
    spec: { endpointKind, mac: '52:54:00:00:00:01', addresses: [address], epg: 'web' },
    status: { problems: [], ...status },
  };
}

export function allocation(
  service: string,
  id: string,
  hostName: string,
  desired: 'run' | 'stop' = 'run',
): HeddleObject<'Allocation'> {
  const [tenant = '', application = '', name = ''] = service.split('/');
  return {
    apiVersion: 'heddle/v1',
    kind: 'Allocation',
    metadata: { tenant, application, name: `${name}-${id}`, labels: {}, annotations: {} },
    spec: {
      service: name,
      serviceUid: 'u1',
      templateHash: 't1',
      index: 0,
      host: hostName,
      epg: name,
      template: {
        image: 'heddle/demo',
        env: {},
        ports: {},
        resources: { cpu: 0.1, memory: 64 * 1024 ** 2, pids: 256 },
        stopGraceSeconds: 10,
      },
      desired,
    },
    status: {
      phase: 'running',
      healthy: true,
      addresses: ['10.32.0.7'],
      restarts: 0,
      startedAt: '2025-12-31T23:50:00Z',
    },
  };
}

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type {
  AllocationSpec,
  DistributedEncapsulation,
  DistributedEndpoint,
  DomainSpec,
  HeddleObject,
  ResolvedEntry,
  Template,
} from '@heddle/model';
import { resolvedKey } from '@heddle/model';
import type { Accepted } from '../store';
import type { AttachedEndpoint } from '../link/protocol';

/** A folder of the test's own, removed after it. For sockets, whose paths must be short. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'hda-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Two EPGs in one bridge domain, and a rule from `web` to `api`. */
export const POLICY: readonly ResolvedEntry[] = [
  { type: 'vrf', path: 'acme/main', id: 1, enforcement: 'enforced' },
  { type: 'bridge-domain', path: 'acme/default', id: 1, vrf: 1, gateways: ['10.32.0.1/16'] },
  classEntry('acme/shop/web', 16),
  classEntry('acme/shop/api', 17),
  {
    type: 'rule',
    id: '0000000000a1',
    vrf: 1,
    source: 16,
    destination: 17,
    filter: { protocol: 6, destinationPorts: { from: 8080, to: 8080 }, entry: 'web' },
    action: 'permit',
    priority: 7,
    origin: 'acme/shop--web--api--http',
  },
];

export function classEntry(epg: string, classId: number): ResolvedEntry {
  return {
    type: 'class',
    epg,
    epgUid: epg,
    classId,
    vrf: 1,
    bridgeDomain: 1,
    domain: 'default',
    isolation: 'unenforced',
  };
}

/** Entries as they are accepted, at a position. */
export const accepted = <T>(entries: Readonly<Record<string, T>>, position = 1): Accepted<T> => ({
  watermark: { clusterUid: 'cluster', incarnation: 1, position },
  epoch: 1,
  entries,
});

export const acceptedPolicy = (entries: readonly ResolvedEntry[] = POLICY, position = 1): Accepted<ResolvedEntry> =>
  accepted(Object.fromEntries(entries.map((entry) => [resolvedKey(entry), entry])), position);

export function allocation(
  name: string,
  change: Partial<Omit<AllocationSpec, 'template'>> & { template?: Partial<Template>; uid?: string } = {},
): HeddleObject<'Allocation'> {
  const { template, uid, ...spec } = change;
  return {
    apiVersion: 'heddle/v1',
    kind: 'Allocation',
    metadata: { tenant: 'acme', application: 'shop', name, labels: {}, annotations: {}, uid: uid ?? `uid-${name}` },
    spec: {
      service: 'web',
      serviceUid: 's1',
      templateHash: 'h1',
      index: 0,
      host: 'h1',
      epg: 'web',
      desired: 'run',
      ...spec,
      template: {
        image: 'heddle/demo',
        env: {},
        ports: { http: { port: 8080, protocol: 'tcp' } },
        resources: { cpu: 0.1, memory: 33_554_432, pids: 100 },
        stopGraceSeconds: 10,
        ...template,
      },
    },
  };
}

export const attachedEndpoint = (
  endpointId: string,
  address: string,
  change: Partial<AttachedEndpoint> = {},
): AttachedEndpoint => ({
  endpointId,
  bridgeDomain: 'acme/default',
  epg: 'acme/shop/web',
  mac: '02:48:0a:20:00:05',
  address,
  port: `hd${endpointId}`,
  linkIndex: 1,
  since: '2026-01-01T00:00:00.000Z',
  ...change,
});

export const distributed = (id: string, change: Partial<DistributedEndpoint> = {}): DistributedEndpoint => ({
  id,
  epg: 'acme/shop/api',
  mac: '02:48:0a:20:01:05',
  addresses: ['10.32.1.5'],
  host: 'h2',
  underlay: '192.0.2.12',
  service: 'api',
  healthy: true,
  ...change,
});

/** How an EPG attaches: by VXLAN when nothing else is said. */
export const encapsulation = (
  epg: string,
  change: Partial<DistributedEncapsulation> = {},
): DistributedEncapsulation => ({ epg, domain: 'default', spec: { driver: 'ovs', encapsulation: 'vxlan' }, ...change });

export const VLAN_DOMAIN: DomainSpec = {
  driver: 'ovs',
  encapsulation: 'vlan',
  fabric: 'default',
  uplink: 'fabric',
  vlans: '100-199',
};
export const MACVLAN_DOMAIN: DomainSpec & { driver: 'macvlan' } = {
  driver: 'macvlan',
  fabric: 'default',
  uplink: 'macvlan',
  mode: 'bridge',
  tagging: 'access',
  vlans: '200-299',
  shim: false,
};

/** The EPGs of {@link POLICY}, attached by VXLAN. */
export const acceptedEncapsulations = (
  list: readonly DistributedEncapsulation[] = [encapsulation('acme/shop/web'), encapsulation('acme/shop/api')],
  position = 1,
): Accepted<DistributedEncapsulation> => accepted(Object.fromEntries(list.map((e) => [e.epg, e])), position);

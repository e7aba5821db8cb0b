import { keyOf, parseObject, type AnyObject, type DistributedEncapsulation } from '@heddle/model';
import { desiredTree, type ApicFabricSpec, type Desired } from '../desired/desired-tree';
import { placed, type PlacedMo } from '../tree/mo';

export const FABRIC_SPEC: ApicFabricSpec = {
  driver: 'apic',
  controllers: ['https://apic1.example'],
  user: 'heddle',
  passwordFile: '/etc/heddle/apic',
  pod: 1,
  annotation: 'orchestrator:heddle',
  maxDeletions: 50,
};

/** Objects as people write them, by key. */
export const objectsOf = (...written: readonly object[]): Map<string, AnyObject> =>
  new Map(written.map((value) => parseObject(value)).map((object) => [keyOf(object), object]));

export const tenant = (name = 'acme'): object[] => [
  { kind: 'Tenant', metadata: { name } },
  { kind: 'Vrf', metadata: { tenant: name, name: 'default' } },
  bridgeDomain('default', '10.32.0.1/16', name),
];
export const bridgeDomain = (name: string, gateway: string, of = 'acme'): object => ({
  kind: 'BridgeDomain',
  metadata: { tenant: of, name },
  spec: { subnets: [{ gateway }] },
});
export const domain = (name: string, spec: object = {}): object => ({
  kind: 'Domain',
  metadata: { name },
  spec: { driver: 'macvlan', fabric: 'aci', uplink: 'data', vlans: '100-199', ...spec },
});
export const host = (name: string, port: string, leaf = '101'): object => ({
  kind: 'Host',
  metadata: { name },
  spec: {
    underlay: '192.0.2.11',
    capacity: { cpu: 1, memory: 1 },
    uplinks: { data: { interface: 'eth1', leaf, port } },
  },
});
export const epg = (path: string, spec: object = {}): object => {
  const [of, application, name] = path.split('/');
  return { kind: 'Epg', metadata: { tenant: of, application, name }, spec: { domain: 'lan', ...spec } };
};
export const filter = (name: string, ...entries: readonly object[]): object => ({
  kind: 'Filter',
  metadata: { tenant: 'acme', name },
  spec: { entries },
});
export const contract = (name: string, ...subjects: readonly object[]): object => ({
  kind: 'Contract',
  metadata: { tenant: 'acme', name },
  spec: { subjects: subjects.map((subject, i) => ({ name: `s${i}`, ...subject })) },
});
export const server = (path: string, place: object, more: object = {}): object => {
  const [of, application, name] = path.split('/');
  const attachment = { driver: 'static', leaf: '101', port: 'eth1/9', ...place };
  return {
    kind: 'Endpoint',
    metadata: { tenant: of, application, name },
    spec: { endpointKind: 'baremetal', mac: '02:00:00:00:00:09', addresses: ['10.32.9.9'], attachment, ...more },
  };
};

/** VLANs by the paths of EPGs, as the inventory would distribute them. */
export function vlans(
  objects: ReadonlyMap<string, AnyObject>,
  given: Readonly<Record<string, number>>,
): Map<string, DistributedEncapsulation> {
  return new Map(
    Object.entries(given).map(([path, vlan]) => {
      const object = objects.get(`Epg/${path}`);
      const name = object?.kind === 'Epg' ? object.spec.domain : '';
      const spec = objects.get(`Domain/${name}`)?.spec as DistributedEncapsulation['spec'];
      return [path, { epg: path, domain: name, spec, vlan }];
    }),
  );
}

export interface Wanted extends Desired {
  /** By distinguished name. */
  readonly all: ReadonlyMap<string, PlacedMo>;
}

export function wanted(written: readonly object[], given: Readonly<Record<string, number>> = {}): Wanted {
  const objects = objectsOf(...written);
  const desired = desiredTree({
    fabric: 'aci',
    spec: FABRIC_SPEC,
    objects,
    encapsulations: vlans(objects, given),
  });
  return { ...desired, all: placed(desired.roots) };
}

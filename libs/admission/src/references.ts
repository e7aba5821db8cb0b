import { refKey, type AnyObject, type Kind } from '@heddle/model';

/** Keys of the objects that an object needs: none of them can be deleted while it is there. Owners are not among them. */
export function referencesOf(object: AnyObject): string[] {
  const { tenant, application } = object.metadata;
  const inTenant = (kind: Kind, name: string): string => refKey({ kind, path: `${tenant}/${name}` });
  const inCluster = (kind: Kind, name: string): string => refKey({ kind, path: name });
  const own = tenant === undefined ? [] : [inCluster('Tenant', tenant)];
  switch (object.kind) {
    case 'BridgeDomain':
      return [...own, inTenant('Vrf', object.spec.vrf)];
    case 'Contract':
      return [...own, ...object.spec.subjects.flatMap((s) => s.filters).map((name) => inTenant('Filter', name))];
    case 'Epg':
      return [
        ...own,
        inTenant('BridgeDomain', object.spec.bridgeDomain),
        inCluster('Domain', object.spec.domain),
        ...[...object.spec.provides, ...object.spec.consumes].map((name) => inTenant('Contract', name)),
      ];
    case 'App': {
      const domains = [object.spec.domain, ...Object.values(object.spec.services).flatMap((s) => s.domain ?? [])];
      return [
        ...own,
        inTenant('BridgeDomain', object.spec.bridgeDomain),
        ...domains.map((name) => inCluster('Domain', name)),
      ];
    }
    case 'Service':
      return [...own, inTenant('Epg', `${application}/${object.spec.epg ?? object.metadata.name}`)];
    case 'Host':
      return (object.spec.domains ?? []).map((name) => inCluster('Domain', name));
    case 'Domain':
      return object.spec.fabric === undefined ? [] : [inCluster('Fabric', object.spec.fabric)];
    case 'Endpoint':
      return object.spec.epg === undefined ? own : [...own, inTenant('Epg', `${application}/${object.spec.epg}`)];
    case 'Tenant':
    case 'Fabric':
    case 'Vrf':
    case 'Filter':
    case 'Allocation':
      return own;
  }
}

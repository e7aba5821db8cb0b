import { expand, parseObjects, type HeddleObject } from '@heddle/model';
import { allocation, domain, host, SHOP } from '../testing/cluster';
import { relatedKinds, relationsOf } from './relations';

const ALL: HeddleObject[] = parseObjects(SHOP)
  .flatMap(({ object }) => [object as HeddleObject, ...expand(object)])
  .concat(
    allocation('acme/shop/web', '1', 'h1'),
    allocation('acme/shop/api', '1', 'h2'),
    host('h1', 'ready'),
    domain(),
  );

function relations(kind: string, name: string): string[] {
  const object = ALL.find((o) => o.kind === kind && o.metadata.name === name);
  if (!object) throw new Error(`no ${kind} ${name}`);
  const kinds = new Set(relatedKinds(object.kind).map((k) => k.kind));
  const found = relationsOf(
    object,
    ALL.filter((other) => kinds.has(other.kind)),
  );
  return found.map(({ relation, key, note }) => [relation, key, note].filter(Boolean).join(' | '));
}

describe('relationsOf', () => {
  it('a service: its application, its EPG and its instances', () => {
    expect(relations('Service', 'web')).toEqual([
      'owner | App/acme/shop',
      'EPG | Epg/acme/shop/web',
      'instance | Allocation/acme/shop/web-1 | h1, running',
    ]);
  });

  it('an EPG: what it provides and consumes, and its service', () => {
    expect(relations('Epg', 'api')).toEqual([
      'owner | App/acme/shop',
      'bridge domain | BridgeDomain/acme/default',
      'domain | Domain/default',
      'provides | Contract/acme/shop--web--api--http',
      'service | Service/acme/shop/api',
    ]);
  });

  it('a contract: who provides and who consumes it, by which filter', () => {
    expect(relations('Contract', 'shop--web--api--http')).toEqual([
      'owner | App/acme/shop',
      'filter | Filter/acme/shop--web--api--http',
      'provided by | Epg/acme/shop/api',
      'consumed by | Epg/acme/shop/web',
    ]);
  });

  it('an application: all it owns', () => {
    expect(relations('App', 'shop')).toEqual([
      'owns | Filter/acme/shop--web--api--http',
      'owns | Contract/acme/shop--web--api--http',
      'owns | Epg/acme/shop/api',
      'owns | Service/acme/shop/api',
      'owns | Epg/acme/shop/web',
      'owns | Service/acme/shop/web',
    ]);
  });

  it('a tenant: what it contains', () => {
    expect(relations('Tenant', 'acme')).toEqual([
      'contains | Vrf/acme/default',
      'contains | BridgeDomain/acme/default',
      'contains | App/acme/shop',
    ]);
  });

  it('a host: what it runs', () => {
    expect(relations('Host', 'h1')).toEqual(['runs | Allocation/acme/shop/web-1 | h1, running']);
  });
});

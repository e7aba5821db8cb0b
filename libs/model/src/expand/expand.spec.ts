import fc from 'fast-check';
import { keyOf } from '../key';
import type { HeddleObject } from '../kinds';
import { parseObject } from '../parse';
import { expand } from './expand';

const app = (spec: object): HeddleObject<'App'> =>
  parseObject({
    kind: 'App',
    metadata: { tenant: 'acme', name: 'shop', labels: { team: 'a' } },
    spec,
  }) as HeddleObject<'App'>;
const byKey = (objects: HeddleObject[]): Record<string, HeddleObject> =>
  Object.fromEntries(objects.map((o) => [keyOf(o), o]));
const image = 'heddle/demo';

describe('expand', () => {
  it('gives each service an EPG of its own and each connect line a contract', () => {
    const objects = byKey(
      expand(
        app({
          services: { web: { image }, api: { image, ports: { http: 8080, dns: { port: 53, protocol: 'udp' } } } },
          connect: [
            { from: 'web', to: 'api', port: 'http' },
            { from: 'web', to: 'api', port: 'dns' },
          ],
        }),
      ),
    );
    expect(Object.keys(objects).sort()).toEqual([
      'Contract/acme/shop--web--api--dns', 'Contract/acme/shop--web--api--http', 'Epg/acme/shop/api', 'Epg/acme/shop/web',
      'Filter/acme/shop--web--api--dns', 'Filter/acme/shop--web--api--http', 'Service/acme/shop/api', 'Service/acme/shop/web',
    ]); // prettier-ignore
    expect(objects['Epg/acme/shop/web']?.spec).toMatchObject({
      consumes: ['shop--web--api--http', 'shop--web--api--dns'],
      provides: [],
    });
    expect(objects['Epg/acme/shop/api']?.spec).toMatchObject({
      provides: ['shop--web--api--http', 'shop--web--api--dns'],
      consumes: [],
    });
    expect(objects['Filter/acme/shop--web--api--dns']?.spec).toEqual({
      entries: [{ name: 'dns', etherType: 'ip', protocol: 'udp', destinationPorts: { from: 53, to: 53 } }],
    });
    expect(objects['Contract/acme/shop--web--api--http']?.spec).toMatchObject({ scope: 'application' });
  });

  it('marks everything as generated and owned by the App, with its labels', () => {
    for (const { metadata } of expand(app({ services: { web: { image } } }))) {
      expect(metadata).toMatchObject({
        owner: { kind: 'App', path: 'acme/shop' },
        generated: true,
        labels: { team: 'a' },
      });
    }
  });

  it('attaches a service through its own domain where it names one, and through that of the App otherwise', () => {
    const objects = byKey(expand(app({ domain: 'lan', services: { web: { image }, db: { image, domain: 'fast' } } })));
    const domains = ['web', 'db'].map((name) => (objects[`Epg/acme/shop/${name}`] as HeddleObject<'Epg'>).spec.domain);
    expect(domains).toEqual(['lan', 'fast']);
    expect(objects['Service/acme/shop/db']?.spec).not.toHaveProperty('domain');
  });

  it('takes a line that is written twice once', () => {
    const line = { from: 'web', to: 'api', port: 'http' };
    const objects = expand(
      app({ services: { web: { image }, api: { image, ports: { http: 8080 } } }, connect: [line, line] }),
    );
    expect(objects.filter((o) => o.kind === 'Contract')).toHaveLength(1);
  });

  it('gives a tenant a VRF and a bridge domain', () => {
    const tenant = parseObject({
      kind: 'Tenant',
      metadata: { name: 'acme' },
      spec: { network: { gateway: '10.1.0.1/24' } },
    });
    expect(expand(tenant).map((o) => [keyOf(o), o.spec])).toEqual([
      ['Vrf/acme/default', { enforcement: 'enforced' }],
      ['BridgeDomain/acme/default', { vrf: 'default', subnets: [{ gateway: '10.1.0.1/24' }] }],
    ]);
  });

  it('expands nothing else', () => {
    expect(expand(parseObject({ kind: 'Vrf', metadata: { tenant: 'a', name: 'v' } }))).toEqual([]);
  });

  it('gives valid objects with names of their own, in an order that does not depend on how the services are written', () => {
    const name = fc
      .stringMatching(/^[a-z]([a-z0-9-]{0,58}[a-z0-9])?$/)
      .filter((n) => !n.includes('--') && !['world', 'any', 'instances', 'heddle'].includes(n));
    fc.assert(
      fc.property(fc.uniqueArray(name, { minLength: 2, maxLength: 5 }), (names) => {
        const services = names.map((n) => [n, { image, ports: { http: 80 } }] as const);
        const connect = names.slice(1).map((n, i) => ({ from: names[i], to: n, port: 'http' }));
        const objects = expand(app({ services: Object.fromEntries(services), connect }));
        const again = expand(app({ services: Object.fromEntries([...services].reverse()), connect }));
        expect(again).toEqual(objects);
        expect(new Set(objects.map(keyOf)).size).toBe(objects.length);
        for (const object of objects) expect(parseObject(object)).toEqual(object);
      }),
    );
  });
});

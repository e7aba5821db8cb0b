import { expand } from './expand/expand';
import { parseObjects } from './parse';
import { locateProblems } from './places';

const TEXT = `kind: Tenant
metadata: { name: acme }
---
kind: App
metadata: { tenant: acme, name: shop }
spec:
  domain: lan
  services:
    web: &web
      image: heddle/demo
      ports: { http: 8080 }
    api: *web
    db: { image: heddle/demo, domain: fast }
  connect:
    - { from: web, to: api, port: http }
---
kind: Epg
metadata:
  tenant: acme
  application: x
  name: y
  labels:
    heddle.dev/tier.name: front
spec:
  consumes:
    - one
    - two
---
kind: Epg
metadata: { tenant: acme, application: x, name: bare }
spec: {}
`;

/** What stands at the place of a problem: the rest of its line, or nothing when it has no place. */
function textAt(path: string, text = TEXT): string | undefined {
  const [problem] = locateProblems(text, [{ path, message: 'is wrong' }]);
  expect(problem).toMatchObject({ path, message: 'is wrong' });
  if (problem?.line === undefined) return undefined;
  return text.split('\n')[problem.line - 1]?.slice((problem.column ?? 0) - 1);
}

describe('locateProblems', () => {
  it.each([
    ['a field', 'App acme/shop spec.domain', 'lan'],
    ['an entry of a list', 'Epg acme/x/y spec.consumes[1]', 'two'],
    ['a name with dots', 'Epg acme/x/y metadata.labels.heddle.dev/tier.name', 'front'],
    ['a field of an object in a list', 'App acme/shop spec.connect[0].port', 'http }'],
    ['what an alias stands for', 'App acme/shop spec.services.api.ports.http', '8080 }'],
    ['a whole object', 'Epg acme/x/y', 'kind: Epg'],
    ['a field that is not written: the nearest around it', 'Epg acme/x/bare spec.bridgeDomain', '{}'],
    ['the same, some levels up', 'Tenant acme spec.network.gateway', 'kind: Tenant'],
    ['an entry that is not there', 'Epg acme/x/y spec.consumes[7]', '- one'],
  ])('finds %s', (_what, path, expected) => {
    expect(textAt(path)).toBe(expected);
  });

  it.each([
    ['Epg acme/shop/web spec.domain', 'lan'],
    ['Epg acme/shop/db spec.domain', 'fast }'],
    ['Epg acme/shop/web spec.bridgeDomain', 'domain: lan'],
    ['Epg acme/shop/web spec.provides[0]', 'image: heddle/demo'],
    ['Epg acme/shop/web metadata.tenant', 'acme, name: shop }'],
    ['Service acme/shop/web spec.image', 'heddle/demo'],
    ['Service acme/shop/web', 'image: heddle/demo'],
    ['Contract acme/shop--web--api--http spec.subjects', '{ from: web, to: api, port: http }'],
    ['Filter acme/shop--web--api--http', '{ from: web, to: api, port: http }'],
    ['Vrf acme/default', 'kind: Tenant'],
    ['BridgeDomain acme/default spec.subnets[0].gateway', 'kind: Tenant'],
    ['BridgeDomain acme/default metadata.tenant', 'acme }'],
  ])('finds %s where the short form says it', (path, expected) => {
    expect(textAt(path)).toBe(expected);
  });

  it('finds the network of a tenant for its bridge domain', () => {
    const text = 'kind: Tenant\nmetadata: { name: a }\nspec: { network: { gateway: 10.1.0.1/16 } }\n';
    expect(textAt('BridgeDomain a/default spec.subnets[0].gateway', text)).toBe('10.1.0.1/16 } }');
  });

  it('finds the one of two that is written last, of an object that is written twice', () => {
    const text = 'kind: Tenant\nmetadata: { name: a }\n---\nkind: Tenant\nmetadata: { name: a }\n';
    expect(locateProblems(text, [{ path: 'Tenant a', message: '' }])[0]?.line).toBe(4);
  });

  it('reads JSON as well', () => {
    const text = JSON.stringify({ kind: 'Epg', metadata: { tenant: 'a', application: 'b', name: 'c' }, spec: {} });
    expect(textAt('Epg a/b/c metadata.name', text)).toBe('"c"},"spec":{}}');
  });

  it('leaves alone what is about no object of the text, or has its place', () => {
    for (const path of ['Epg acme/other/y spec.domain', 'Pod acme/x', 'policy', '', 'spec.consumes[1]', 'a b c d']) {
      expect([path, textAt(path)]).toEqual([path, undefined]);
    }
    const placed = { path: 'Epg acme/x/y', message: '', line: 1, column: 2 };
    expect(locateProblems(TEXT, [placed, { path: 'Epg acme/x/y', message: '' }])).toEqual([
      placed,
      { path: 'Epg acme/x/y', message: '', line: 17, column: 1 },
    ]);
  });

  it('has a place for every object of a text, and every field that the text has', () => {
    const fields = (value: unknown, path: string): string[] =>
      typeof value === 'object' && value !== null
        ? Object.entries(value).flatMap(([key, part]) =>
            fields(part, Array.isArray(value) ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`),
          )
        : [path];
    for (const { object } of parseObjects(TEXT)) {
      for (const part of [object, ...expand(object)]) {
        const { tenant, application, name } = part.metadata;
        const path = [tenant, application, name].filter((word) => word !== undefined).join('/');
        for (const field of fields(part, ''))
          expect([field, textAt(`${part.kind} ${path} ${field}`)]).toEqual([field, expect.any(String)]);
      }
    }
  });
});

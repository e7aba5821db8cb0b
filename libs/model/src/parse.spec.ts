import { HeddleError } from './error';
import { expand } from './expand/expand';
import { KINDS, jsonSchema, jsonSchemaOf, objectSchema } from './kinds';
import { MAX_TEXT, parseObject, parseObjects } from './parse';

const SHOP = `
kind: Tenant
metadata: { name: acme }
---
kind: App
metadata: { tenant: acme, name: shop }
spec:
  services:
    web: { image: heddle/demo, replicas: 3, ports: { http: 8080 }, resources: { cpu: 0.1, memory: 32Mi } }
    api: { image: heddle/demo, replicas: 2, ports: { http: 8080 } }
    db:  { image: heddle/demo, ports: { sql: 5432 } }
  connect:
    - { from: web, to: api, port: http }
    - { from: api, to: db,  port: sql }
`;

function problemsOf(text: string): string[] {
  try {
    parseObjects(text);
  } catch (error) {
    if (error instanceof HeddleError) return error.problems.map((p) => `${p.line}:${p.column} ${p.path}: ${p.message}`);
    throw error;
  }
  return [];
}

describe('parseObjects', () => {
  it('reads a file with defaults filled in', () => {
    const [tenant, app] = parseObjects(SHOP).map((p) => p.object);
    expect(tenant).toMatchObject({
      apiVersion: 'heddle/v1',
      kind: 'Tenant',
      spec: { network: { gateway: '10.32.0.1/16' } },
    });
    expect(app).toMatchObject({
      spec: { bridgeDomain: 'default', services: { web: { replicas: 3, resources: { memory: 33554432 } } } },
    });
  });

  it('gives what it produced back unchanged when it reads it again', () => {
    for (const { object } of parseObjects(SHOP)) {
      expect(parseObject(JSON.parse(JSON.stringify(object)))).toEqual(object);
      for (const part of expand(object)) expect(parseObject(JSON.parse(JSON.stringify(part)))).toEqual(part);
    }
  });

  it.each([
    [
      'an unknown field',
      SHOP.replace('replicas: 3', 'replcias: 3'),
      '9:42 spec.services.web.replcias: unknown field "replcias"; remove it or correct its spelling',
    ],
    [
      'a port out of range',
      SHOP.replace('sql: 5432', 'sql: 70000'),
      'spec.services.db.ports.sql: found number 70000; allowed is at most 65535',
    ],
    [
      'a name with a slash',
      SHOP.replace('name: shop', 'name: a/b'),
      '6:33 metadata.name: found "a/b"; allowed are 1 to 63',
    ],
    [
      'a connection to nothing',
      SHOP.replace('to: db', 'to: cache'),
      'spec.connect[1].to: found "cache", which is no service of this application; allowed are web, api, db',
    ],
    [
      'a port that the service has not',
      SHOP.replace('port: sql', 'port: http'),
      'spec.connect[1].port: found "http", which is no port of db; allowed are sql',
    ],
    ['world, which is not there yet', SHOP.replace('from: web', 'from: world'), 'not available in this version'],
    ['an unknown kind', 'kind: Pod\nmetadata: {name: a}', '1:7 kind: found "Pod"; allowed are Tenant, Fabric, Domain'],
    ['a list', '- 1', 'found a list; expected an object'],
    ['a missing spec', 'kind: App\nmetadata: {name: a, tenant: b}', 'spec: is missing; expected a mapping'],
    [
      'a memory amount in words',
      SHOP.replace('32Mi', 'lots'),
      'spec.services.web.resources.memory: found "lots"; allowed is an amount',
    ],
    [
      'an IPv6 subnet',
      'kind: Tenant\nmetadata: {name: a}\nspec: {network: {gateway: "fd00::1/64"}}',
      'only IPv4 subnets are enforced',
    ],
    ...[
      ['0-5', '0-5'],
      ['4095', '4095'],
      ['1-4094,200-100', '200-100'],
    ].map(([vlans, range]): [string, string, string] => [
      `VLANs ${vlans}`,
      `kind: Domain\nmetadata: {name: a}\nspec: {driver: ovs, vlans: "${vlans}"}`,
      `spec.vlans: found "${range}"; allowed are VLAN ids from 1 to 4094 and ranges of them, the lower one first`,
    ]),
    ...['hosst', 'label.', 'label', 'Zone', ''].map((attribute): [string, string, string] => [
      `the constraint "${attribute}"`,
      SHOP.replace('replicas: 3', `constraints: [{ attribute: "${attribute}", operator: "!=", value: h1 }]`),
      `spec.services.web.constraints[0].attribute: found "${attribute}"; allowed are host, zone and label.KEY`,
    ]),
    ...['Service', 'Epg'].map((kind): [string, string, string] => [
      `a reserved name of kind ${kind}`,
      `kind: ${kind}\nmetadata: {tenant: a, application: b, name: world}\nspec: {${kind === 'Epg' ? '' : 'image: x'}}`,
      '2:45 metadata.name: "world" is a reserved word; choose another name (reserved: world, any, instances, heddle)',
    ]),
    [
      'VLANs in words',
      'kind: Domain\nmetadata: {name: a}\nspec: {driver: ovs, vlans: all}',
      'spec.vlans: found "all"; allowed are VLAN ids from 1 to 4094',
    ],
    ['a duplicate key', 'kind: Tenant\nkind: Tenant\nmetadata: {name: a}', 'Map keys must be unique'],
    [
      'an unknown driver',
      'kind: Domain\nmetadata: { name: lan }\nspec: { driver: ipvlan }',
      '3:17 spec.driver: found string "ipvlan"; allowed are ovs, macvlan',
    ],
    ['text that is not YAML', 'kind: [', '1:8'],
    [
      'a field of another driver',
      'kind: Domain\nmetadata: { name: lan }\nspec: { driver: ovs, mode: vepa }',
      '3:28 spec.mode: unknown field "mode"; driver ovs has encapsulation, fabric, uplink, vlans, mtu; only driver macvlan has mode, tagging, shim',
    ],
    [
      'a number where text is expected',
      'kind: Domain\nmetadata: { name: lan }\nspec: { driver: ovs, vlans: 3500 }',
      '3:29 spec.vlans: found number 3500; expected a string: write it in quotes',
    ],
    ...(
      [
        [
          'controllers: [apic1]',
          'controllers[0]: found "apic1"; allowed is a URL of https or http such as https://apic1',
        ],
        ['controllers: ["ftp://apic1"]', 'controllers[0]: found "ftp://apic1"; allowed is a URL of https or http'],
        ['controllers: []', 'controllers: found 0 entries; allowed is at least 1 entry'],
        ['user: u', 'controllers: is missing; expected a list'],
        ['annotation: a b', 'annotation: found "a b"; allowed are 1 to 128 letters, digits and _ . : -'],
        ['passwordFile: apic.password', 'passwordFile: found "apic.password"; allowed is an absolute path'],
        [
          'caFile: ./ca.pem',
          'caFile: found "./ca.pem"; allowed is an absolute path on the machine of the fabric service',
        ],
        ["user: ''", 'user: found 0 characters; allowed is at least 1 character'],
        ['pod: 1.5', 'pod: found number 1.5; expected a whole number'],
      ] as const
    ).map(([field, expected]): [string, string, string] => [
      `an APIC with ${field}`,
      `kind: Fabric\nmetadata: { name: aci }\nspec: { driver: apic, ${field} }`,
      `spec.${expected}`,
    ]),
    [
      'a leaf that is no name',
      'kind: Endpoint\nmetadata: {tenant: a, application: b, name: c}\nspec: {endpointKind: baremetal, mac: 52:54:00:0a:00:07, addresses: [10.32.0.7], attachment: {driver: static, leaf: a b, port: p}}',
      'spec.attachment.leaf: found "a b"; allowed are 1 to 63 letters, digits and _ . - after the first',
    ],
    [
      'an interface id that is none',
      'kind: Endpoint\nmetadata: {tenant: a, application: b, name: c}\nspec: {endpointKind: vm, mac: 52:54:00:0a:00:07, addresses: [10.32.0.7], attachment: {driver: ovs, interfaceId: a b}}',
      'spec.attachment.interfaceId: found "a b"; allowed are 1 to 64 letters, digits and _ . - after the first',
    ],
    [
      'a protocol that is misspelt',
      'kind: Filter\nmetadata: {tenant: a, name: f}\nspec: {entries: [{name: e, protocol: tpc}]}',
      'found string "tpc"; expected "tcp", "udp", "icmp", "unspecified" or a number',
    ],
    ...(
      [
        ['{ label: 3 }', '.label: found number 3; expected a string: write it in quotes'],
        ['{ lable: a }', ': found a mapping; allowed is a mapping with exactly one of mac, address, label, name'],
        ['{ mac: 52:54:00:0a:00:07, label: a }', ': found a mapping; allowed is a mapping with exactly one of mac'],
        ['{}', ': found a mapping; allowed is a mapping with exactly one of mac'],
        ['a', ': found string "a"; allowed is a mapping with exactly one of mac'],
      ] as const
    ).map(([criterion, expected]): [string, string, string] => [
      `the attribute ${criterion}`,
      `kind: Epg\nmetadata: {tenant: a, application: b, name: c}\nspec: {attributes: {criteria: [${criterion}]}}`,
      `spec.attributes.criteria[0]${expected}`,
    ]),
    [
      'an unknown field of a port',
      SHOP.replace('http: 8080', 'http: { port: 8080, prtocol: tcp }'),
      'spec.services.web.ports.http.prtocol: unknown field "prtocol"; remove it or correct its spelling',
    ],
  ])('refuses %s and says where, what and what is allowed', (_what, text, expected) => {
    expect(problemsOf(text).join('\n')).toContain(expected);
  });

  it('refuses ports with a protocol that has none', () => {
    const text =
      'kind: Filter\nmetadata: {tenant: a, name: f}\nspec: {entries: [{name: e, protocol: icmp, destinationPorts: 80}]}';
    expect(problemsOf(text).join()).toContain('ports belong to tcp and udp only');
  });

  it('reads the attributes that a constraint may name', () => {
    for (const attribute of ['host', 'zone', 'label.disk', 'label.example.org/rack']) {
      const text = SHOP.replace('replicas: 3', `constraints: [{ attribute: ${attribute}, operator: "=", value: a }]`);
      expect(problemsOf(text)).toEqual([]);
    }
  });

  it('refuses a text of 10 MB before parsing it', () => {
    expect(() => parseObjects('x'.repeat(10 * 1024 * 1024))).toThrow(`allowed are ${MAX_TEXT}`);
  });

  it('refuses alias bombs', () => {
    const bomb = [
      'a: &a [x,x,x,x,x,x,x,x,x,x]',
      ...Array.from(
        { length: 8 },
        (_, i) =>
          `${String.fromCharCode(98 + i)}: &${String.fromCharCode(98 + i)} [${`*${String.fromCharCode(97 + i)},`.repeat(9)}]`,
      ),
    ].join('\n');
    expect(() => parseObjects(bomb)).toThrow(HeddleError);
  });
});

describe('JSON Schema', () => {
  it('exists for every kind and accepts the short form of a port range', () => {
    for (const kind of KINDS) expect(jsonSchemaOf(kind)).toMatchObject({ title: kind.kind, type: 'object' });
    expect(JSON.stringify(jsonSchema())).toContain('"$defs"');
  });

  it('knows every kind by its schema', () => {
    for (const kind of KINDS) expect(objectSchema(kind).safeParse({}).success).toBe(false);
  });
});

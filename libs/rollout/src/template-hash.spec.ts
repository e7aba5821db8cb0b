import fc from 'fast-check';
import { parseObject, templateSchema, type HeddleObject, type Template } from '@heddle/model';
import { fnv1a64 } from './fnv64';
import { canonicalJson, templateHash, versionedTemplate } from './template-hash';

const template = (over: Record<string, unknown> = {}): Template =>
  templateSchema.parse({ image: 'heddle/demo', ...over });
const hash = (over: Record<string, unknown> = {}): string => templateHash({ template: template(over), epg: 'web' });

function service(spec: Record<string, unknown>): HeddleObject<'Service'> {
  const metadata = { tenant: 'acme', application: 'shop', name: 'web' };
  return parseObject({ apiVersion: 'heddle/v1', kind: 'Service', metadata, spec }) as HeddleObject<'Service'>;
}

describe('fnv1a64', () => {
  // Vectors of the authors (isthe.com/chongo/tech/comp/fnv).
  it.each([
    ['', 'cbf29ce484222325'],
    ['a', 'af63dc4c8601ec8c'],
    ['foobar', '85944171f73967e8'],
    ['chongo was here!\n', '46810940eff5f915'],
  ])('hashes %j', (text, expected) => {
    expect(fnv1a64(text)).toBe(expected);
  });

  it('agrees with the definition in big integers', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        let expected = 0xcbf29ce484222325n;
        for (const byte of new TextEncoder().encode(text)) {
          expected = ((expected ^ BigInt(byte)) * 0x100000001b3n) & 0xffffffffffffffffn;
        }
        expect(fnv1a64(text)).toBe(expected.toString(16).padStart(16, '0'));
      }),
    );
  });
});

describe('templateHash', () => {
  it('is another one with another Domain, and the same with the one that is meant anyway', () => {
    const of = (domain?: string): string =>
      templateHash({ template: template(), epg: 'web', ...(domain ? { domain } : {}) });
    expect(of('default')).toBe(of());
    expect(new Set([of(), of('lan'), of('wire')]).size).toBe(3);
  });

  it('stays what it was: another value here means that an upgrade replaces every container', () => {
    expect(hash()).toBe('9b77f8b8321fc342');
    expect(
      hash({
        args: ['--port', '8080'],
        env: { B: '2', A: '1' },
        ports: { http: 8080 },
        resources: { cpu: 0.5, memory: '128Mi' },
        health: { type: 'http', port: 'http', failures: 5 },
      }),
    ).toBe('7220f72da59bc0d2');
  });

  it.each([
    ['image', { image: 'heddle/demo:2' }],
    ['command', { command: ['sh'] }],
    ['an empty command', { command: [] }],
    ['args', { args: ['x'] }],
    ['env', { env: { A: '1' } }],
    ['ports', { ports: { http: 80 } }],
    ['cpu', { resources: { cpu: 0.2 } }],
    ['memory', { resources: { memory: '65Mi' } }],
    ['health', { health: { type: 'tcp', port: 'http' } }],
    ['user', { user: '1000' }],
    ['grace', { stopGraceSeconds: 11 }],
  ])('changes with %s', (_field, over) => {
    expect(hash(over)).not.toBe(hash());
  });

  it('changes with the EPG and with the time of a restart', () => {
    const base = { template: template(), epg: 'web' };
    const hashes = [base, { ...base, epg: 'api' }, { ...base, restartedAt: '2026-11-24T07:00:00Z' }].map(templateHash);
    expect(new Set(hashes).size).toBe(3);
  });

  it('does not change with the order of keys, nor with a default written out or left out', () => {
    const { stopGraceSeconds: _absent, ...older } = template();
    expect(templateHash({ template: older as Template, epg: 'web' })).toBe(hash());
    expect(hash({ stopGraceSeconds: 10, env: {}, resources: { pids: 256 } })).toBe(hash());
    expect(hash({ env: { A: '1', B: '2' } })).toBe(hash({ env: { B: '2', A: '1' } }));
    const probed = { type: 'tcp', port: 'http' };
    expect(hash({ health: { ...probed, failures: 3, path: '/' } })).toBe(hash({ health: probed }));
  });

  it('does not change with the number of instances, constraints or the way of updating', () => {
    const [a, b] = [
      service({ image: 'heddle/demo', replicas: 1 }),
      service({
        image: 'heddle/demo',
        replicas: 9,
        constraints: [{ attribute: 'zone', operator: '=', value: 'a' }],
        update: { maxSurge: 3 },
      }),
    ].map((s) => templateHash(versionedTemplate(s)));
    expect(a).toBe(b);
    expect(a).toBe(hash());
  });
});

describe('canonicalJson', () => {
  it('is JSON, whatever the order of keys', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        // JSON has no negative zero.
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
    expect(canonicalJson({ b: 1, a: { d: undefined, c: [2, null] } })).toBe('{"a":{"c":[2,null]},"b":1}');
  });
});

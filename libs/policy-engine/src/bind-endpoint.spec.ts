import type { EpgSpec, HeddleObject, Specs } from '@heddle/model';
import fc from 'fast-check';
import { bindEndpoint } from './bind-endpoint';
import { build, epg } from './testing/build';

type Criteria = NonNullable<EpgSpec['attributes']>['criteria'];

const endpoint = (
  spec: Partial<Specs['Endpoint']> = {},
  metadata: Partial<HeddleObject['metadata']> = {},
): HeddleObject<'Endpoint'> => {
  const made = build('Endpoint', 'acme/hall/db-1', {
    endpointKind: 'baremetal',
    mac: '52:54:00:00:00:01',
    addresses: ['10.32.9.1', '10.32.9.2'],
    attachment: { driver: 'static', leaf: 'leaf1', port: 'eth5', vlan: 20 },
    ...spec,
  });
  return { ...made, metadata: { ...made.metadata, ...metadata } };
};
const place = (leaf: string, port: string, vlan?: number) => ({ leaf, port, ...(vlan === undefined ? {} : { vlan }) });
const attributes = (match: 'any' | 'all', ...criteria: Criteria): Partial<EpgSpec> => ({
  attributes: { match, criteria },
});

const AT_PLACE = epg('acme/shop/place', { staticBindings: [place('leaf1', 'eth5', 20)] });
const BY_MAC = epg('acme/shop/mac', attributes('any', { mac: '52:54:00:00:00:01' }));

describe('the EPG of an endpoint', () => {
  it('is the one that it names, else the one at its place, else the one whose attributes hold for it', () => {
    const named = endpoint({ epg: 'own' });
    const epgs = [epg('acme/hall/own'), AT_PLACE, BY_MAC];
    expect(bindEndpoint(named, epgs)).toEqual({ state: 'bound', epg: 'acme/hall/own', by: 'name' });
    expect(bindEndpoint(endpoint(), epgs)).toEqual({ state: 'bound', epg: 'acme/shop/place', by: 'static binding' });
    expect(bindEndpoint(endpoint(), [BY_MAC])).toEqual({ state: 'bound', epg: 'acme/shop/mac', by: 'attributes' });
    expect(bindEndpoint(endpoint(), [])).toEqual({ state: 'unbound' });
  });

  it('is none when the one that it names is not there, whatever else would bind it', () => {
    expect(bindEndpoint(endpoint({ epg: 'own' }), [epg('acme/shop/own'), AT_PLACE])).toEqual({ state: 'unbound' });
  });

  it('is of its tenant', () => {
    const others = [AT_PLACE, BY_MAC].map((e) => ({ ...e, metadata: { ...e.metadata, tenant: 'blue' } }));
    expect(bindEndpoint(endpoint(), others)).toEqual({ state: 'unbound' });
  });

  it('is found by the whole place', () => {
    const { leaf, port } = place('leaf1', 'eth5');
    for (const other of [place(leaf, port), place(leaf, port, 21), place(leaf, 'eth6', 20), place('leaf2', port, 20)]) {
      expect(bindEndpoint(endpoint(), [epg('acme/shop/x', { staticBindings: [other] })])).toEqual({ state: 'unbound' });
    }
    const untagged = endpoint({ attachment: { driver: 'static', leaf, port } });
    expect(bindEndpoint(untagged, [AT_PLACE])).toEqual({ state: 'unbound' });
    const vm = endpoint({ endpointKind: 'vm', attachment: { driver: 'ovs', interfaceId: 'leaf1' } });
    expect(bindEndpoint(vm, [AT_PLACE])).toEqual({ state: 'unbound' });
  });

  it('is ambiguous between several of one kind of binding, and only then', () => {
    const twice = epg('acme/a/other', { staticBindings: [place('leaf1', 'eth5', 20), place('leaf1', 'eth5', 20)] });
    expect(bindEndpoint(endpoint(), [AT_PLACE, twice, BY_MAC])).toEqual({
      state: 'ambiguous',
      epgs: ['acme/a/other', 'acme/shop/place'],
      by: 'static binding',
    });
    expect(bindEndpoint(endpoint(), [twice])).toEqual({ state: 'bound', epg: 'acme/a/other', by: 'static binding' });
    const alike = epg('acme/a/alike', attributes('any', { name: 'db-*' }));
    expect(bindEndpoint(endpoint(), [BY_MAC, alike])).toMatchObject({ state: 'ambiguous', by: 'attributes' });
    expect(bindEndpoint(endpoint(), [BY_MAC, alike, AT_PLACE])).toMatchObject({
      state: 'bound',
      epg: 'acme/shop/place',
    });
  });

  it.each<[string, Partial<EpgSpec>, boolean]>([
    ['its MAC', attributes('any', { mac: '52:54:00:00:00:01' }), true],
    ['another MAC', attributes('any', { mac: '52:54:00:00:00:02' }), false],
    ['one of its addresses', attributes('any', { address: '10.32.9.2' }), true],
    ['a block with one of its addresses', attributes('any', { address: '10.32.9.2/31' }), true],
    ['a block without', attributes('any', { address: '10.33.0.0/16' }), false],
    ['a label', attributes('any', { label: 'tier' }), true],
    ['a label with its value', attributes('any', { label: 'tier=db' }), true],
    ['a label with another value', attributes('any', { label: 'tier=web' }), false],
    ['a label that every object has', attributes('any', { label: 'toString' }), false],
    ['its name', attributes('any', { name: 'db-1' }), true],
    ['a part of its name', attributes('any', { name: 'db' }), false],
    ['one of several', attributes('any', { name: 'x' }, { label: 'tier' }), true],
    ['all of several', attributes('all', { name: 'db-*' }, { label: 'tier' }), true],
    ['not all of several', attributes('all', { name: 'x' }, { label: 'tier' }), false],
  ])('is told by attributes: %s', (_what, spec, bound) => {
    const labelled = endpoint({}, { labels: { tier: 'db' } });
    expect(bindEndpoint(labelled, [epg('acme/shop/x', spec)]).state).toBe(bound ? 'bound' : 'unbound');
  });

  it('is told by a pattern of names as a regular expression would, and in no time', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 8 });
    const name = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 10 });
    const isBound = (pattern: string, name: string): boolean =>
      bindEndpoint(endpoint({}, { name }), [epg('acme/shop/x', attributes('any', { name: pattern }))]).state ===
      'bound';
    fc.assert(
      fc.property(word, name, (pattern, text) => {
        expect(isBound(pattern, text)).toBe(new RegExp(`^${pattern.replace(/\*+/g, '.*')}$`).test(text));
      }),
    );
    expect(isBound(`${'a*'.repeat(31)}`, `${'a'.repeat(62)}b`)).toBe(true);
    expect(isBound(`${'a*'.repeat(31)}c`, 'a'.repeat(63))).toBe(false);
  });
});

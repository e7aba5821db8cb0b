import { readingQueries, presentMo, queryPath } from './queries';
import { recordDn, recordMo, recordName, standingOf, takeRecord } from './record';
import { placed, type PresentMo } from './tree/mo';
import { wanted, domain } from './testing/world';

const RECORD = { clusterUid: '0b6f9a1e-8f7d-4c3b-9a77-6a8f3e1d2c4b', incarnation: 2, position: 4711 };
const ANNOTATION = 'orchestrator:heddle';

describe('the record of what was written', () => {
  const present = (): Map<string, PresentMo> =>
    new Map([...placed([recordMo(ANNOTATION, RECORD)])].map(([dn, { class: name, attributes }]) => [dn, { dn, class: name, attributes }])); // prettier-ignore

  it('is read back, and is neither wanted nor surplus', () => {
    const objects = present().set('uni/phys-x', { dn: 'uni/phys-x', class: 'physDomP', attributes: {} });
    const { record, rest } = takeRecord(objects, ANNOTATION);
    expect(record).toEqual(RECORD);
    expect([...rest.keys()]).toEqual(['uni/phys-x']);
    expect(recordDn(ANNOTATION)).toBe('uni/infra/vlanns-[orchestrator:heddle.record]-static');
  });

  it('counts only if it is ours and says what it should', () => {
    const other = recordMo('orchestrator:other', RECORD);
    const dn = recordDn(ANNOTATION);
    const with_ = (attributes: Record<string, string>): Map<string, PresentMo> => new Map([[dn, { dn, class: 'fvnsVlanInstP', attributes }]]); // prettier-ignore
    expect(takeRecord(with_({ ...other.attributes }), ANNOTATION).record).toBeUndefined();
    expect(takeRecord(with_({ annotation: ANNOTATION, descr: 'a pool' }), ANNOTATION).record).toBeUndefined();
    expect(takeRecord(new Map(), ANNOTATION).record).toBeUndefined();
  });

  it('has a name that no Domain has, and that an APIC takes', () => {
    const long = recordName(`orchestrator:${'x'.repeat(100)}`);
    expect(long).toHaveLength(64);
    expect(recordName(`orchestrator:${'x'.repeat(99)}y`)).not.toBe(long);
    expect(recordName('heddle')).toBe('heddle.record');
  });

  it('says whether the state to be written is behind', () => {
    const at = (over: Partial<typeof RECORD>): string => standingOf(RECORD, { ...RECORD, ...over });
    expect(standingOf(undefined, RECORD)).toBe('none');
    expect(at({})).toBe('behind');
    expect(at({ position: 4712 })).toBe('behind');
    expect(at({ position: 4710 })).toBe('ahead');
    expect(at({ incarnation: 3, position: 1 })).toBe('behind');
    expect(at({ incarnation: 1, position: 9999 })).toBe('ahead');
    expect(at({ clusterUid: 'another' })).toBe('foreign');
  });
});

describe('readingQueries', () => {
  it('ask for what is ours anywhere, and for all that is below the roots that are wanted', () => {
    const queries = readingQueries(wanted([domain('lan')]), ANNOTATION);
    expect(queries.filter((q) => q.type === 'subtree')).toEqual([
      { type: 'subtree', dn: 'uni/infra/vlanns-[lan]-static' },
      { type: 'subtree', dn: 'uni/phys-lan' },
    ]);
    expect(queries.filter((q) => q.type === 'ours')).toHaveLength(18);
    expect(queryPath({ type: 'ours', class: 'fvAEPg', annotation: ANNOTATION })).toEqual({
      path: 'class/fvAEPg.json',
      parameters: {
        'query-target-filter': 'eq(fvAEPg.annotation,"orchestrator:heddle")',
        'order-by': 'fvAEPg.dn',
        'rsp-prop-include': 'config-only',
      },
    });
  });
});

describe('presentMo', () => {
  it('takes nothing for an object that has no name', () => {
    expect(presentMo({ fvTenant: { attributes: { dn: 'uni/tn-a', name: 'a', odd: 1 } } })).toEqual({
      dn: 'uni/tn-a',
      class: 'fvTenant',
      attributes: { name: 'a' },
    });
    for (const odd of [
      null,
      'x',
      {},
      { fvTenant: {} },
      { fvTenant: { attributes: null } },
      { fvTenant: { attributes: { name: 'a' } } },
    ])
      // prettier-ignore
      expect(presentMo(odd)).toBeUndefined();
  });
});

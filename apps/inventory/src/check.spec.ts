import { parseObject, type AnyObject, type Change } from '@heddle/model';
import { checkAfter } from './check';

const host = (name: string, underlay: string, zone = 'a'): AnyObject =>
  parseObject({ kind: 'Host', metadata: { name }, spec: { zone, underlay, capacity: { cpu: 1, memory: 1 } } });
const change = (...objects: Change['objects']): Change => ({
  changeId: 'c',
  by: { principal: 'test' },
  at: '2026-01-01T00:00:00Z',
  verb: 'apply',
  summary: '',
  objects,
});
const put = (after: AnyObject): Change['objects'][number] => ({
  key: `Host/${after.metadata.name}`,
  before: null,
  after,
});

describe('a host with an underlay over IPv6', () => {
  const old = new Map([['Host/old', host('old', 'fd00::1')]]);
  const problem = (name: string, found: string) => ({
    path: `Host ${name} spec.underlay`,
    message: expect.stringContaining(`found "${found}"; allowed is an IPv4 address`),
  });

  it('is refused, with what was found and what is allowed', () => {
    expect(checkAfter(new Map(), change(put(host('h1', 'fd00::2')), put(host('h2', '192.0.2.2'))), undefined)).toEqual([
      problem('h1', 'fd00::2'),
    ]);
    expect(checkAfter(old, change(put(host('old', 'fd00::1', 'b'))), undefined)).toEqual([problem('old', 'fd00::1')]);
  });

  it('that an earlier version accepted keeps nobody from changing or removing something else', () => {
    expect(checkAfter(old, change(put(host('h1', '192.0.2.2'))), undefined)).toEqual([]);
    expect(checkAfter(old, change({ key: 'Host/old', before: null, after: null }), undefined)).toEqual([]);
  });
});

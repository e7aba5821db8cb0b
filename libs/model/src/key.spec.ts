import { HeddleError } from './error';
import { findKind, KINDS } from './kinds';
import { parseKey, pathOf, refKey, splitPath } from './key';
import { generatedName } from './names';

describe('keys and paths', () => {
  it('lead back to what they were made of, for every kind', () => {
    for (const { kind, scope } of KINDS) {
      const metadata = {
        name: 'n',
        ...(scope === 'cluster' ? {} : { tenant: 't' }),
        ...(scope === 'application' ? { application: 'a' } : {}),
      };
      const path = pathOf(kind, metadata);
      expect(parseKey(refKey({ kind, path }))).toEqual({ kind, path });
      expect(splitPath(kind, path)).toEqual(metadata);
    }
  });

  it.each(['', 'Service', 'service/a/b/c', 'Pod/a', '/a'])('refuses "%s" as a key', (key) => {
    expect(() => parseKey(key)).toThrow(HeddleError);
  });

  it('says what form a path has', () => {
    expect(() => splitPath('Service', 'acme/web')).toThrow('allowed is tenant/application/name');
    expect(() => splitPath('Tenant', 'a/b')).toThrow('allowed is name');
  });

  it('finds a kind by any of its spellings', () => {
    expect(['Service', 'service', 'services', 'SERVICES'].map((word) => findKind(word)?.kind)).toEqual(
      Array(4).fill('Service'),
    );
    expect(findKind('pods')).toBeUndefined();
  });
});

describe('generated names', () => {
  it('join short parts, and cut long ones to a name that is still different for different parts', () => {
    expect(generatedName('shop', 'web', 'api')).toBe('shop--web--api');
    const [a, b] = ['a', 'b'].map((end) => generatedName('x'.repeat(40), 'y'.repeat(40), end)) as [string, string];
    expect(a).not.toBe(b);
    expect(a.length).toBeLessThanOrEqual(63);
  });
});

describe('HeddleError', () => {
  it('comes back from its travelling form, and keeps any other failure as internal', () => {
    const error = new HeddleError('conflict', 'changed meanwhile', { problems: [{ path: 'a', message: 'b' }] });
    expect(HeddleError.fromJSON(JSON.parse(JSON.stringify(error)))).toMatchObject({
      code: 'conflict',
      retryable: false,
      problems: [{ path: 'a', message: 'b' }],
    });
    expect(HeddleError.fromJSON('nonsense')).toMatchObject({ code: 'internal' });
    expect(HeddleError.from(new TypeError('x'))).toMatchObject({ code: 'internal', message: 'x' });
    expect(new HeddleError('deadline', '').retryable).toBe(true);
  });
});

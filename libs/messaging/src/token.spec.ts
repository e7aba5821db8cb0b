import fc from 'fast-check';
import { decodeToken, encodeToken, MAX_NAME_LENGTH } from './token';

const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 });

describe('tokens', () => {
  it('leaves DNS labels and paths as they are', () => {
    expect(encodeToken('shop-1')).toBe('shop-1');
    expect(encodeToken('acme/shop/web')).toBe('acme/shop/web');
  });

  it('escapes separators, wildcards, blanks and a leading underscore', () => {
    expect(encodeToken('a.b')).toBe('a=2Eb');
    expect(encodeToken('*')).toBe('=2A');
    expect(encodeToken('a b>')).toBe('a=20b=3E');
    expect(encodeToken('_epoch')).toBe('=5Fepoch');
    expect(encodeToken('a_b')).toBe('a_b');
  });

  it('gives every name back, and never a separator, wildcard or blank', () => {
    fc.assert(
      fc.property(name, (text) => {
        const token = encodeToken(text);
        expect(token).toMatch(/^[A-Za-z0-9/=-][A-Za-z0-9/=_-]*$/);
        expect(decodeToken(token)).toBe(Buffer.from(text).toString());
      }),
    );
  });

  it('never gives two names one token', () => {
    fc.assert(fc.property(name, name, (a, b) => a === b || encodeToken(a) !== encodeToken(b)));
  });

  it('refuses an empty and an overlong name', () => {
    expect(() => encodeToken('')).toThrow(expect.objectContaining({ code: 'invalid' }));
    expect(() => encodeToken('x'.repeat(MAX_NAME_LENGTH + 1))).toThrow(expect.objectContaining({ code: 'limit' }));
  });
});

import fc from 'fast-check';
import { JsonFramer } from './framer';

const parse = (chunks: readonly Buffer[]): unknown[] => {
  const framer = new JsonFramer();
  return chunks.flatMap((chunk) => framer.push(chunk));
};

/** Cuts bytes at the given places. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...places.map((place) => place % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
}

describe('JsonFramer', () => {
  it('finds the objects of any stream, however it is cut', () => {
    const object = fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue());
    fc.assert(
      fc.property(
        fc.array(object),
        fc.array(fc.nat()),
        fc.constantFrom('', ' ', '\n\t'),
        (objects, places, between) => {
          const bytes = Buffer.from(objects.map((o) => JSON.stringify(o)).join(between));
          expect(parse(cut(bytes, places))).toEqual(objects.map((o) => JSON.parse(JSON.stringify(o))));
        },
      ),
    );
  });

  it('is not misled by braces, quotes and backslashes in strings', () => {
    const object = { 'a{"}': '\\"}{][\\\\', b: ['}', '{', '"', '\\'] };
    const bytes = Buffer.from(JSON.stringify(object));
    expect(parse(cut(bytes, [...bytes.keys()]))).toEqual([object]);
  });

  it('keeps characters whole that are split between chunks', () => {
    const object = { name: '端点-ä-😀' };
    const bytes = Buffer.from(JSON.stringify(object));
    expect(parse([...bytes].map((byte) => Buffer.from([byte])))).toEqual([object]);
  });

  it.each(['[1]', 'x{}', '{}}', '"a"', '1'])('refuses %s', (text) => {
    expect(() => parse([Buffer.from(text)])).toThrow(/expected a JSON object/);
  });

  it('refuses an object that is not JSON', () => {
    expect(() => parse([Buffer.from('{a}')])).toThrow(/not JSON/);
  });

  it('refuses an object that is too long before it is complete', () => {
    const framer = new JsonFramer(100);
    framer.push(Buffer.from('{"a":"'));
    expect(() => framer.push(Buffer.alloc(100, 'x'))).toThrow(/more than 100 bytes/);
  });

  it('looks at every byte once: many small chunks cost what one large chunk costs', () => {
    const object = { a: 'x'.repeat(1_000_000) };
    const bytes = Buffer.from(JSON.stringify(object));
    const visited: number[] = [];
    const counting = (chunk: Buffer): Buffer =>
      new Proxy(chunk, {
        get(target, key) {
          if (typeof key === 'string' && /^\d+$/.test(key)) visited.push(1);
          const value = Reflect.get(target, key, target) as unknown;
          return typeof value === 'function' ? value.bind(target) : value;
        },
      });
    const framer = new JsonFramer();
    const found: unknown[] = [];
    for (let at = 0; at < bytes.length; at += 1000) found.push(...framer.push(counting(bytes.subarray(at, at + 1000))));
    expect(found).toEqual([object]);
    expect(visited).toHaveLength(bytes.length);
  });
});

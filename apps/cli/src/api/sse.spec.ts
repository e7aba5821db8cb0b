import fc from 'fast-check';
import { linesOf } from './lines';
import { serverEvents } from './sse';

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
async function* bytes(text: string, cuts: readonly number[]): AsyncGenerator<Uint8Array> {
  const whole = Buffer.from(text);
  const ends = [...new Set(cuts.map((cut) => cut % (whole.length + 1)))].sort((a, b) => a - b);
  let start = 0;
  for (const end of [...ends, whole.length]) {
    yield whole.subarray(start, end);
    start = end;
  }
}

describe('linesOf', () => {
  it('gives the same lines however the bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom('', 'é', 'abc', '→ x')), fc.array(fc.nat()), async (lines, cuts) => {
        expect(await collect(linesOf(bytes(lines.map((line) => `${line}\n`).join(''), cuts)))).toEqual(lines);
      }),
    );
  });

  it('takes a last line without an end, and CR LF', async () => {
    expect(await collect(linesOf(bytes('a\r\nb', [])))).toEqual(['a', 'b']);
  });
});

describe('serverEvents', () => {
  const parse = (text: string) => collect(serverEvents(linesOf(bytes(text, []))));

  it('reads events, skips comments, and joins data lines', async () => {
    expect(await parse(': hello\n\nevent: fact\ndata: {"a":1}\n\n:\n\ndata: x\ndata:y\n\n')).toEqual([
      { event: 'fact', data: '{"a":1}' },
      { event: 'message', data: 'x\ny' },
    ]);
  });

  it('drops an event that was cut off', async () => {
    expect(await parse('event: fact\ndata: {"a":1}\n')).toEqual([]);
  });
});

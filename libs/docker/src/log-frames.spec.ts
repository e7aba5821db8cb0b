import fc from 'fast-check';
import type { LogLine } from './engine';
import { FrameDecoder, LineAssembler } from './log-frames';

function frame(stream: 'stdout' | 'stderr', payload: string | Buffer): Buffer {
  const body = Buffer.from(payload);
  const header = Buffer.alloc(8);
  header.writeUInt8(stream === 'stdout' ? 1 : 2, 0);
  header.writeUInt32BE(body.length, 4);
  return Buffer.concat([header, body]);
}

function linesOf(chunks: readonly Buffer[], timestamps = false): LogLine[] {
  const decoder = new FrameDecoder();
  const assembler = new LineAssembler(timestamps);
  const lines = chunks.flatMap((chunk) => decoder.push(chunk).flatMap((f) => assembler.push(f)));
  return [...lines, ...assembler.end()];
}

describe('the log stream', () => {
  it('becomes lines, per stream, however it is cut', () => {
    const bytes = Buffer.concat([frame('stdout', 'one\ntwo\n'), frame('stderr', 'oops\r\n'), frame('stdout', 'three')]);
    const expected = [
      { stream: 'stdout', line: 'one' },
      { stream: 'stdout', line: 'two' },
      { stream: 'stderr', line: 'oops' },
      { stream: 'stdout', line: 'three' },
    ];
    for (let size = 1; size <= bytes.length; size++) {
      const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
        bytes.subarray(i * size, (i + 1) * size),
      );
      expect(linesOf(chunks)).toEqual(expected);
    }
  });

  it('joins the pieces of a long line and dates it by the first', () => {
    const long = 'é'.repeat(8192);
    const chunks = [
      frame('stdout', `2026-11-24T07:00:00.000000001Z ${long}`),
      frame('stderr', '2026-11-24T07:00:01.5Z between\n'),
      frame('stdout', `2026-11-24T07:00:02.5Z ${long}\n`),
    ];
    expect(linesOf(chunks, true)).toEqual([
      { stream: 'stderr', line: 'between', time: '2026-11-24T07:00:01.5Z' },
      { stream: 'stdout', line: long + long, time: '2026-11-24T07:00:00.000000001Z' },
    ]);
  });

  it('delivers an endless line in pieces of 64 KiB', () => {
    const chunks = Array.from({ length: 10 }, () => frame('stdout', 'x'.repeat(16_384)));
    expect(linesOf(chunks).map((l) => l.line.length)).toEqual([65_536, 65_536, 32_768]);
  });

  it('keeps empty lines', () => {
    expect(linesOf([frame('stdout', '\n\na\n')]).map((l) => l.line)).toEqual(['', '', 'a']);
  });

  it('refuses bytes that are no frames instead of waiting for gigabytes', () => {
    expect(() => linesOf([Buffer.from('GET / HTTP/1.1\r\n')])).toThrow('not multiplexed');
    expect(() => linesOf([Buffer.from([1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff])])).toThrow('not multiplexed');
  });

  it('gives back every line of every stream', () => {
    const line = fc.string({ unit: 'grapheme', maxLength: 30 }).map((s) => s.replaceAll(/[\r\n]/g, ''));
    const stream = fc.constantFrom('stdout' as const, 'stderr' as const);
    fc.assert(
      fc.property(fc.array(fc.record({ stream, line })), fc.array(fc.integer({ min: 1, max: 50 })), (lines, cuts) => {
        const bytes = Buffer.concat(lines.map((l) => frame(l.stream, `${l.line}\n`)));
        const chunks: Buffer[] = [];
        let at = 0;
        for (const cut of cuts) chunks.push(bytes.subarray(at, (at += cut)));
        expect(linesOf([...chunks, bytes.subarray(at)])).toEqual(lines);
      }),
    );
  });
});

import type { Conditions } from './conditions';
import { isMet, measured } from './measures';
import { jsonLine, textLines, type Report } from './report';

const conditions: Conditions = {
  date: '2026-11-24T00:00:00.000Z',
  cpu: 'a processor',
  cores: 2,
  memoryGiB: 24,
  kernel: '6.18',
  node: '20.20.2',
  docker: '20.10.24',
  openVSwitch: '3.1.0',
  natsServer: '2.9.10',
  loadBefore: 0.1,
  loadAfter: 1.5,
  repeats: 3,
};
const report: Report = {
  name: 'example',
  conditions,
  measures: [
    measured('quick', 's', [3, 1, 2], { goal: 2 }),
    measured('slow', 'ms', [15.5], { goal: 15, peer: { name: 'bridge', value: 14 } }),
    measured('counted', 'connections', [60]),
  ],
};
const ladder: Report = {
  ...report,
  measures: [
    measured('throughput, a', 'Gb/s', [1, 2, 3], { interval: { low: 1.5, high: 2.5 }, cell: { row: 'a', column: 'throughput' } }),
    measured('throughput, b', 'Gb/s', [4], { cell: { row: 'b', column: 'throughput' } }),
    measured('round trip, b', 'µs', [15], { cell: { row: 'b', column: 'round trip' } }),
    measured('b / a', 'x', [2, 2.2], { goal: 2.5, bound: 'at least', interval: { low: 1.9, high: 2.3 } }),
  ],
}; // prettier-ignore

describe('a measure', () => {
  it('is the median of its samples, with their spread', () => {
    expect(measured('x', 's', [3, 1, 2])).toEqual({
      name: 'x',
      value: 2,
      unit: 's',
      spread: { low: 1, high: 3, samples: 3 },
    });
    expect(measured('x', 's', [3])).toEqual({ name: 'x', value: 3, unit: 's' });
    expect(() => measured('x', 's', [])).toThrow('no values');
  });

  it('meets a goal that it does not exceed', () => {
    expect([1, 2, 3].map((value) => isMet({ value, goal: 2 }))).toEqual([true, true, false]);
    expect(isMet({ value: 1 })).toBeUndefined();
  });

  it('meets a goal that it reaches, where more is better', () => {
    expect([1, 2, 3].map((value) => isMet({ value, goal: 2, bound: 'at least' }))).toEqual([false, true, true]);
  });
});

describe('the JSON line', () => {
  it('is one object with name, conditions and measures', () => {
    const line = jsonLine(report);
    expect(line).not.toContain('\n');
    expect(JSON.parse(line)).toEqual({
      name: 'example',
      conditions,
      measures: [
        { name: 'quick', value: 2, unit: 's', goal: 2, met: true },
        { name: 'slow', value: 15.5, unit: 'ms', goal: 15, met: false, peer: { name: 'bridge', value: 14 } },
        { name: 'counted', value: 60, unit: 'connections', goal: null, met: null },
      ],
    });
  });

  it('has interval, bound and cell where there are any', () => {
    const { measures } = JSON.parse(jsonLine(ladder)) as { measures: object[] };
    expect(measures[0]).toEqual({
      name: 'throughput, a',
      value: 2,
      unit: 'Gb/s',
      goal: null,
      met: null,
      interval: { low: 1.5, high: 2.5 },
      cell: { row: 'a', column: 'throughput' },
    });
    expect(measures[3]).toMatchObject({ goal: 2.5, met: false, bound: 'at least' });
  });

  it('does not pretend to know more digits than it can', () => {
    const line = jsonLine({ ...report, measures: [measured('x', 's', [1.23456789])] });
    expect(JSON.parse(line).measures[0].value).toBe(1.23457);
  });
});

describe('the text', () => {
  it('says for every goal whether it is met, and at the end which are not', () => {
    const lines = textLines(report);
    expect(lines).toContain('cores: 2');
    expect(lines.find((line) => line.startsWith('quick'))).toMatch(/quick +2 s +1 to 3 \(3\) +<= 2 s +met$/);
    expect(lines.find((line) => line.startsWith('slow'))).toMatch(/15.5 ms +<= 15 ms +NOT MET +bridge: 14 ms$/);
    expect(lines.find((line) => line.startsWith('counted'))).toMatch(/counted +60 connections$/);
    expect(lines.at(-1)).toBe('example: 1 of 2 goals are not met: slow');
  });

  it('shows what is measured of several things as a table, and the rest in lines', () => {
    const lines = textLines(ladder);
    const first = lines.findIndex((line) => line.includes('throughput'));
    expect(lines.slice(first, first + 3)).toEqual([
      '   throughput, Gb/s  round trip, µs',
      'a  2 (1.5 to 2.5)    -',
      'b  4                 15',
    ]);
    expect(lines.filter((line) => line.includes('throughput'))).toHaveLength(1);
    expect(lines.find((line) => line.startsWith('b / a'))).toMatch(/2.1 x +95 %: 1.9 to 2.3 \(2\) +>= 2.5 x +NOT MET$/);
  });

  it('says that all are met', () => {
    expect(textLines({ ...report, measures: [report.measures[0]!] }).at(-1)).toBe('example: all 1 goals are met');
    expect(textLines({ ...report, measures: [] }).at(-1)).toBe('example: no goals');
  });
});

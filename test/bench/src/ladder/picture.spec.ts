import type { JsonMeasure, JsonReport } from '../report';
import { ladderPicture } from './picture';

const of = (row: string, column: string, value: number, more: Partial<JsonMeasure> = {}): JsonMeasure => ({
  name: `${column}, ${row}`,
  value,
  unit: '',
  goal: null,
  met: null,
  cell: { row, column },
  ...more,
});

const report: JsonReport = {
  name: 'datapath-ladder',
  conditions: {
    date: '2026-11-24T00:00:00.000Z',
    cpu: 'a <processor> & more',
    cores: 2,
    memoryGiB: 24,
    kernel: '6.18',
    node: '20.20.2',
    docker: '20.10.24',
    openVSwitch: '3.1.0',
    natsServer: '2.9.10',
    loadBefore: 0.1,
    loadAfter: 1.5,
    rounds: 10,
  },
  measures: [
    { name: 'a / b', value: 1.2, unit: 'x', goal: 1.1, met: true, bound: 'at least', interval: { low: 1, high: 1.3 } },
    of('macvlan', 'throughput', 20, { interval: { low: 18, high: 21 } }),
    of('OVS, 10,000 rules, TSO', 'throughput', 10),
    of('macvlan', 'connections', 12_345),
  ],
};

const bars = (svg: string): number[] =>
  [...svg.matchAll(/<rect x="[\d.]+" y="[\d.]+" width="([\d.]+)" height="16"/g)].map(([, width]) => Number(width));

describe('the picture of the ladder', () => {
  const svg = ladderPicture(report);

  it('has a bar for each figure, as long as it is large', () => {
    const [macvlan = 0, policy = 0, ...more] = bars(svg);
    expect(macvlan).toBeGreaterThan(100);
    expect(policy).toBeCloseTo(macvlan / 2, 0);
    expect(more).toEqual([macvlan]);
  });

  it('says what each bar is, its value, and whether goals are met', () => {
    for (const content of ['>macvlan<', '>OVS, 10,000 rules, TSO<', '>20<', '>12,300<']) expect(svg).toContain(content);
    expect(svg).toContain('>a / b: 1.2 (95 %: 1 to 1.3); goal: at least 1.1, met<');
  });

  it('is well-formed, whatever the machine is called', () => {
    expect(svg).toContain('a &lt;processor&gt; &amp; more');
    const tags = [...svg.matchAll(/<(\/?)([a-z]+)[^>]*?(\/?)>/g)];
    const open: string[] = [];
    for (const [, closes, tag, empty] of tags) {
      if (closes) expect(open.pop()).toBe(tag);
      else if (!empty) open.push(tag as string);
    }
    expect(open).toEqual([]);
    expect(ladderPicture(report)).toBe(svg);
  });
});

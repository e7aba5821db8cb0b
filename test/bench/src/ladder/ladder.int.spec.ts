import { readdir } from 'node:fs/promises';
import { systemClock } from '@heddle/host';
import { datapathLadder } from './ladder';

const describeRoot = process.getuid?.() === 0 ? describe : describe.skip;

describeRoot('the datapath ladder', () => {
  it('measures every way once, and leaves nothing behind', async () => {
    const lines: string[] = [];
    const { measures, conditions } = await datapathLadder({
      signal: new AbortController().signal,
      clock: systemClock,
      quick: true,
      log: (line) => lines.push(line),
    });
    expect(conditions).toMatchObject({ rounds: 1, rules: 10_000, notMeasured: {} });
    const cells = measures.filter(({ cell }) => cell !== undefined);
    expect(new Set(cells.map(({ cell }) => cell?.row)).size).toBe(12);
    expect(new Set(cells.map(({ cell }) => cell?.column)).size).toBe(5);
    expect(cells).toHaveLength(60);
    expect(measures.filter(({ value }) => !(value > 0))).toEqual([]);
    expect(measures.filter(({ goal }) => goal !== undefined).map(({ bound }) => bound)).toEqual([
      'at least',
      'at least',
    ]);
    expect(await left()).toEqual([]);
  }, 120_000);

  it('ends what it started when it is interrupted', async () => {
    const interrupt = new AbortController();
    const bench = datapathLadder({
      signal: interrupt.signal,
      clock: systemClock,
      quick: true,
      log: () => undefined,
    });
    const built = setInterval(() => {
      void left().then((spaces) => spaces.length > 4 && interrupt.abort(new Error('interrupted')));
    }, 20);
    try {
      await expect(bench).rejects.toThrow();
    } finally {
      clearInterval(built);
    }
    expect(interrupt.signal.aborted).toBe(true);
    expect(await left()).toEqual([]);
  }, 60_000);

  /** Namespaces of this process. */
  async function left(): Promise<string[]> {
    return (await readdir('/run/netns')).filter(
      (name) => /^(lad|tovs)/.test(name) && name.includes(String(process.pid)),
    );
  }
});

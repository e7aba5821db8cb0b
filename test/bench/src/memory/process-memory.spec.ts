import { parseSmapsRollup, processMemory } from './process-memory';

const TEXT = `55d0c0a00000-7ffd1f5fe000 ---p 00000000 00:00 0                          [rollup]
Rss:              100000 kB
Pss:               50000 kB
Pss_Dirty:         40000 kB
Shared_Clean:      10000 kB
`;

it('reads resident and proportional memory', () => {
  expect(parseSmapsRollup(TEXT)).toEqual({ rss: 102.4, pss: 51.2 });
  expect(() => parseSmapsRollup('')).toThrow('there is no Rss');
});

it('agrees with what a process says of itself', async () => {
  const { rss, pss } = await processMemory(process.pid);
  expect(Math.abs(rss - process.memoryUsage.rss() / 1e6)).toBeLessThan(20);
  expect(pss).toBeLessThanOrEqual(rss);
});

import { kernelNetworkSeconds, parseSeconds, processSeconds } from './cpu-time';

it('adds user and kernel time, whatever the name of the process holds', () => {
  const stat = '1 (a) b (c) S 1 2 3 0 -1 4194560 10 20 30 40 150 75 7 8 20 0 1 0 99 1000 200';
  expect(parseSeconds(stat)).toBe(2.25);
  expect(() => parseSeconds('1 (x) S 1')).toThrow('found no processor time');
});

it('grows while a process works', async () => {
  const before = await processSeconds(process.pid);
  const until = performance.now() + 10_000;
  let now = before;
  while (now === before && performance.now() < until) now = await processSeconds(process.pid);
  expect(now).toBeGreaterThan(before);
  expect(await kernelNetworkSeconds()).toBeGreaterThanOrEqual(0);
});

import { Stopwatch } from './stopwatch';

it('notes how long each part took, also one that fails', async () => {
  const stopwatch = new Stopwatch();
  await expect(stopwatch.part('quick', async () => 7)).resolves.toBe(7);
  await expect(stopwatch.part('failing', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  await stopwatch.part('slow', () => new Promise((resolve) => setTimeout(resolve, 30)));
  const { quick, failing, slow } = stopwatch.parts;
  expect(quick).toBeGreaterThanOrEqual(0);
  expect(failing).toBeGreaterThanOrEqual(0);
  expect(slow).toBeGreaterThan(20);
  expect(Number.isInteger(Math.round((slow as number) * 1e6) / 1e5)).toBe(true);
});

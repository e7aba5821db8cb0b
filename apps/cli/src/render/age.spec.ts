import { age, took } from './age';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const ago = (ms: number): string => new Date(NOW - ms).toISOString();

describe('age', () => {
  it.each([
    [0, '0s'],
    [59_900, '59s'],
    [119_000, '119s'],
    [180_000, '3m'],
    [3 * 3_600_000, '3h'],
    [47 * 3_600_000, '47h'],
    [50 * 3_600_000, '2d'],
    [-5000, '0s'],
  ])('%d ms ago is %s', (ms, text) => {
    expect(age(ago(ms), NOW)).toBe(text);
  });

  it('says nothing about a time that is missing or no time', () => {
    expect([age(undefined, NOW), age('soon', NOW)]).toEqual(['-', '-']);
  });
});

it('took is written in the unit that fits', () => {
  expect([took(340.4), took(2400), took(72_000)]).toEqual(['340 ms', '2.4 s', '1 m 12 s']);
});

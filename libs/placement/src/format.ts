/** Thousandths of a core as cores: 100 -> "0.1 cores". */
export const cores = (milli: number): string => {
  const value = milli / 1000;
  return `${value} ${value === 1 ? 'core' : 'cores'}`;
};

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** Bytes in the largest unit that keeps the number at 1 or above, with at most one decimal: "64 MiB". */
export function bytes(amount: number): string {
  let value = Math.max(0, amount);
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${Number(value.toFixed(1))} ${UNITS[unit]}`;
}

/** "1 host is", "3 hosts are". */
export const are = (count: number): string => `${count} ${count === 1 ? 'is' : 'are'}`;
export const have = (count: number): string => `${count} ${count === 1 ? 'has' : 'have'}`;

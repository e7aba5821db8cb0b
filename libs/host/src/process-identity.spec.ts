import { identify, isAlive, parseStat } from './process-identity';

describe('parseStat', () => {
  const rest = 'S 7 42 42 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 987654 1000 1 18446744073709551615 0 0';

  it.each(['sleep', 'a b', 'evil) Z 1 (x', ') ) )'])('reads past a command named "%s"', (name) => {
    expect(parseStat(`42 (${name}) ${rest}\n`)).toEqual({ state: 'S', parent: 7, startTime: 987654 });
  });

  it('gives nothing for a text that is no stat record', () => {
    expect(parseStat('')).toBeUndefined();
    expect(parseStat('42 (sleep) S 7')).toBeUndefined();
  });
});

describe('process identity', () => {
  it('knows this process, and no other with its pid', async () => {
    const me = await identify(process.pid);
    if (!me) throw new Error('this process is not in /proc');
    await expect(isAlive(me)).resolves.toBe(true);
    await expect(isAlive({ ...me, startTime: me.startTime - 1 })).resolves.toBe(false);
    await expect(isAlive({ ...me, bootId: 'another boot' })).resolves.toBe(false);
  });

  it('finds nothing where there is no process', async () => {
    await expect(identify(2 ** 22 + 1)).resolves.toBeUndefined();
  });
});

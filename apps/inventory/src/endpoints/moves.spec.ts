import { findMoves, placeText, type Place } from './moves';

const at = (host: string, port: string, vlan?: number): Place => ({
  host,
  port,
  ...(vlan === undefined ? {} : { vlan }),
});

describe('findMoves', () => {
  const follow = (...steps: readonly Readonly<Record<string, Place | undefined>>[]): string[] => {
    let last: ReadonlyMap<string, Place> = new Map();
    return steps.flatMap((now) => {
      const result = findMoves(last, new Map(Object.entries(now)));
      last = result.last;
      return result.moves.map(({ id, from, to }) => `${id}: ${placeText(from)} -> ${placeText(to)}`);
    });
  };

  it('tells from where to where, once', () => {
    const moved = { a: at('h2', 'tap0') };
    expect(follow({ a: at('h1', 'tap0') }, { a: at('h1', 'tap0') }, moved, moved)).toEqual([
      'a: port tap0 of h1 -> port tap0 of h2',
    ]);
    expect(follow({ a: at('leaf1', 'e5', 20) }, { a: at('leaf1', 'e5', 21) })).toEqual([
      'a: port e5 of leaf1, VLAN 20 -> port e5 of leaf1, VLAN 21',
    ]);
  });

  it('does so also when it was nowhere in between', () => {
    expect(follow({ a: at('h1', 'tap0') }, { a: undefined }, { a: at('h2', 'tap1') })).toHaveLength(1);
    expect(follow({ a: at('h1', 'tap0') }, { a: undefined }, { a: at('h1', 'tap0') })).toEqual([]);
  });

  it('forgets what is gone: one of its name that comes later has not moved', () => {
    expect(follow({ a: at('h1', 'tap0') }, {}, { a: at('h2', 'tap0') })).toEqual([]);
  });
});

import { distributed } from '../testing/parts';
import { leafSides, missingPorts } from './leaf-snapshot';

const NUMBERS = { 'h1-fabric': 3, 'h1-macvlan': 4 };
const SWITCHED = distributed('a', {
  fabric: { leaf: 'leaf', port: 'h1-fabric', vlan: 100, via: 'ovs', hairpin: false },
});
const CHILD = distributed('b', { fabric: { leaf: 'leaf', port: 'h1-macvlan', via: 'macvlan', hairpin: true } });
const TUNNELLED = distributed('c');
const ELSEWHERE = distributed('d', { fabric: { leaf: 'leaf2', port: 'x', vlan: 7, via: 'static', hairpin: false } });
const UNCABLED = distributed('e', { fabric: { leaf: 'leaf', port: 'h9', via: 'macvlan', hairpin: true } });
const ALL = [SWITCHED, CHILD, TUNNELLED, ELSEWHERE, UNCABLED];

describe('leafSides', () => {
  it('has behind its ports who is said to be there, as frames look there', () => {
    const { local } = leafSides('leaf', NUMBERS, ALL);
    expect(local.map(({ id, port, wire }) => ({ id, port, wire }))).toEqual([
      { id: 'a', port: 3, wire: { vlan: 100, routed: true, hairpin: false } },
      { id: 'b', port: 4, wire: { routed: false, hairpin: true } },
    ]);
  });

  it('reaches everybody else by tunnels, but not who is behind a port that it does not have', () => {
    expect(leafSides('leaf', NUMBERS, ALL).remote.map((e) => e.id)).toEqual(['c', 'd']);
    expect(missingPorts('leaf', NUMBERS, ALL)).toEqual(['h9']);
  });
});

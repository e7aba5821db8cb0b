import { cableOf, finishingEnd } from './cables';

describe('cableOf', () => {
  it('leads the underlay to the bridge that learns, and the fabric to the one that Heddle programs', () => {
    expect(cableOf('demo', 'h1', 'underlay', { offloads: false })).toEqual({
      name: 'underlay',
      link: 'demo-up',
      port: 'demo-h1',
      bridge: 'br-leaf',
      mtu: 1500,
      offloads: false,
    });
    expect(cableOf('demo', 'h1', 'macvlan', { offloads: true, mac: '02:00:00:00:00:01' })).toEqual({
      name: 'macvlan',
      link: 'demo-macvlan',
      port: 'demo-h1_m',
      bridge: 'br-heddle',
      mtu: 1504,
      offloads: true,
      mac: '02:00:00:00:00:01',
    });
  });
});

describe('finishingEnd', () => {
  it.each([
    { node: true, leaf: true, end: undefined },
    { node: false, leaf: false, end: undefined },
    { node: true, leaf: false, end: 'node' },
    { node: false, leaf: true, end: 'leaf' },
  ])('of a node ($node) and a leaf ($leaf) is $end', ({ node, leaf, end }) => {
    expect(finishingEnd(cableOf('demo', 'h1', 'fabric', { offloads: node }), leaf)).toBe(end);
  });
});

import fc from 'fast-check';
import type { MacvlanMode } from '../../link/protocol';
import { bridgeIsFree, childModes, type Child } from './child-modes';

const WEB = 'acme/shop/web';
const API = 'acme/shop/api';

const modesOf = (children: readonly Child[], wanted: Readonly<Record<string, MacvlanMode>>) =>
  Object.fromEntries(childModes(children, (epg) => wanted[epg]));

describe('childModes', () => {
  it('gives mode bridge to one EPG of a parent, and to the others what passes the leaf', () => {
    const children = [
      { port: 'w1', epg: WEB },
      { port: 'a1', epg: API },
      { port: 'a2', epg: API },
    ];
    expect(modesOf(children, { [WEB]: 'bridge', [API]: 'bridge' })).toEqual({ w1: 'vepa', a1: 'bridge', a2: 'bridge' });
    expect(modesOf(children, { [WEB]: 'bridge', [API]: 'private' })).toEqual({ w1: 'bridge', a1: 'private', a2: 'private' }); // prettier-ignore
  });

  it('leaves mode bridge with the EPG that has it, until that is not to have it any more', () => {
    const children: Child[] = [
      { port: 'w1', epg: WEB, mode: 'bridge' },
      { port: 'a1', epg: API, mode: 'vepa' },
    ];
    expect(modesOf(children, { [WEB]: 'bridge', [API]: 'bridge' })).toEqual({ w1: 'bridge', a1: 'vepa' });
    // It became isolated.
    expect(modesOf(children, { [WEB]: 'vepa', [API]: 'bridge' })).toEqual({ w1: 'vepa', a1: 'bridge' });
  });

  it('leaves what nothing is known of as it is, and lets a new one of that pass by the leaf', () => {
    const children: Child[] = [
      { port: 'w1', epg: WEB, mode: 'bridge' },
      { port: 'w2', epg: WEB, mode: 'private' },
      { port: 'a1', epg: API },
    ];
    expect(modesOf(children, {})).toEqual({ w1: 'bridge', w2: 'private', a1: 'vepa' });
  });

  it("has the host's own interface reach its containers, directly where these reach each other so", () => {
    const children: Child[] = [
      { port: 'w1', epg: WEB },
      { port: 's', epg: WEB, shim: true },
    ];
    expect(modesOf(children, { [WEB]: 'bridge' })).toEqual({ w1: 'bridge', s: 'bridge' });
    expect(modesOf(children, { [WEB]: 'private' })).toEqual({ w1: 'private', s: 'vepa' });
  });

  it('never lets two EPGs of a parent hear each other, whatever there is and is wanted', () => {
    const mode = fc.constantFrom<MacvlanMode>('bridge', 'private', 'vepa');
    const epg = fc.constantFrom('a/a/1', 'a/a/2', 'a/a/3');
    const children = fc
      .array(fc.record({ epg, mode: fc.option(mode, { nil: undefined }), shim: fc.boolean() }), { maxLength: 12 })
      .map((all) => all.map((one, i): Child => ({ ...one, port: `p${i}` })));
    const wanted = fc.dictionary(epg, mode);
    fc.assert(
      fc.property(children, wanted, (all, want) => {
        const modes = childModes(all, (of) => (Object.hasOwn(want, of) ? want[of] : undefined));
        const bridged = all.filter(({ port }) => modes.get(port) === 'bridge');
        expect(new Set(bridged.map((each) => each.epg)).size).toBeLessThanOrEqual(1);
        // All of one EPG alike, so that they reach each other without the leaf or not at all.
        for (const each of bridged) {
          const same = all.filter((other) => other.epg === each.epg && (want[each.epg] ?? other.mode) === 'bridge');
          expect(same.every(({ port }) => modes.get(port) === 'bridge')).toBe(true);
        }
        const again = all.map((each): Child => ({ ...each, mode: modes.get(each.port) as MacvlanMode }));
        const known = (of: string): MacvlanMode | undefined => (Object.hasOwn(want, of) ? want[of] : undefined);
        expect([...childModes(again, known)]).toEqual([...modes]);
      }),
    );
  });
});

describe('bridgeIsFree', () => {
  it('says whether an EPG would hear nobody else', () => {
    const children: Child[] = [{ port: 'w1', epg: WEB, mode: 'bridge' }];
    expect([bridgeIsFree(WEB, children), bridgeIsFree(API, children), bridgeIsFree(API, [])]).toEqual([
      true,
      false,
      true,
    ]);
  });
});

import fc from 'fast-check';
import { CABLES, checkLabName, checkNodeName, hostNames, leafPortName, linkOf, netnsName } from './names';

const LETTERS = 'abcdefghijklmnopqrstuvwxyz';
const chars = (set: string, min: number, max: number) =>
  fc.string({ unit: fc.constantFrom(...set), minLength: min, maxLength: max });
const labName = fc.tuple(chars(LETTERS, 1, 1), chars(`${LETTERS}0123456789`, 0, 6)).map((parts) => parts.join(''));
const hostName = fc
  .tuple(chars(LETTERS, 1, 1), chars(`${LETTERS}0123456789-`, 0, 18), chars(`${LETTERS}0123456789`, 1, 1))
  .map((parts) => parts.join(''))
  .filter((name) => name !== 'leaf' && name !== 'ctl');

describe('lab names', () => {
  it.each(['demo', 'a', 'e2e0001'])('may be %s', (name) => {
    expect(checkLabName(name)).toBe(name);
  });

  it.each(['', 'Demo', '1a', 'de-mo', 'toolongs', 'a b', '../x'])('may not be "%s"', (name) => {
    expect(() => checkLabName(name)).toThrow(/a lab is named with 1 to 7 of a-z 0-9/);
  });
});

describe('host names', () => {
  it.each(['', 'leaf', 'ctl', 'h1-', '-h', 'H1', 'a'.repeat(21), 'h_1', 'h/1'])('may not be "%s"', (name) => {
    expect(() => checkNodeName('host', name)).toThrow(/a lab host is named with 1 to 20 of a-z 0-9 -/);
  });

  it('are counted from h1', () => {
    expect(hostNames(3)).toEqual(['h1', 'h2', 'h3']);
    expect(hostNames(0)).toEqual([]);
  });
});

describe('names of namespaces and links', () => {
  it('carry the name of the lab, and links stay within 15 characters', () => {
    fc.assert(
      fc.property(labName, hostName, (lab, host) => {
        expect(checkLabName(lab)).toBe(lab);
        expect(checkNodeName('host', host)).toBe(host);
        expect(netnsName(lab, host)).toBe(`${lab}-${host}`);
        for (const link of CABLES.flatMap((cable) => [leafPortName(lab, host, cable), linkOf(lab, cable)])) {
          expect(link.startsWith(`${lab}-`)).toBe(true);
          expect(link.length).toBeLessThanOrEqual(15);
        }
      }),
    );
  });

  it('differ between hosts of a lab, and between labs', () => {
    fc.assert(
      fc.property(labName, labName, hostName, hostName, (labA, labB, hostA, hostB) => {
        fc.pre(labA !== labB || hostA !== hostB);
        const ports = (lab: string, host: string): string[] => CABLES.map((cable) => leafPortName(lab, host, cable));
        expect(new Set([...ports(labA, hostA), ...ports(labB, hostB)]).size).toBe(2 * CABLES.length);
        expect(netnsName(labA, hostA)).not.toBe(netnsName(labB, hostB));
      }),
    );
  });
});

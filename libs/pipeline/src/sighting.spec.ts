import fc from 'fast-check';
import { dropCookie } from './cookie';
import { parseFrame } from './frame';
import { sightingOf } from './sighting';

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replace(/\s/g, ''), 'hex'));
const ARP = '0001 0800 06 04 0001 02000a08000d 0a08000d 000000000000 0a080001';
const QUESTION = hex(`ffffffffffff 0200000000aa 0806 ${ARP}`);
const TAGGED = hex(`ffffffffffff 0200000000aa 8100 6067 0806 ${ARP}`);

describe('parseFrame', () => {
  it('reads who asks for whom', () => {
    expect(parseFrame(QUESTION)).toEqual({
      destination: 'ff:ff:ff:ff:ff:ff', source: '02:00:00:00:00:aa', etherType: 0x0806,
      arp: { operation: 1, senderMac: '02:00:0a:08:00:0d', senderAddress: '10.8.0.13', targetMac: '00:00:00:00:00:00', targetAddress: '10.8.0.1' },
    });
  }); // prettier-ignore

  it('reads behind a tag, whatever its priority', () => {
    expect(parseFrame(TAGGED)).toEqual({ ...parseFrame(QUESTION), vlan: 0x67 });
  });

  it('knows no ARP but that of Ethernet and IPv4, and none that is cut', () => {
    expect(parseFrame(hex(`ffffffffffff 0200000000aa 0800 ${ARP}`))?.arp).toBeUndefined();
    expect(parseFrame(hex(`ffffffffffff 0200000000aa 0806 0006 ${ARP.slice(4)}`))?.arp).toBeUndefined();
    expect(parseFrame(QUESTION.subarray(0, 41))).toEqual({ ...parseFrame(QUESTION), arp: undefined });
  });

  it('never fails, whatever it is given', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.constantFrom(QUESTION, TAGGED), fc.nat(60), (noise, frame, length) => {
        expect(parseFrame(noise) === undefined).toBe(noise.length < 14 || (noise.length < 18 && noise[12] === 0x81 && noise[13] === 0));
        expect(() => parseFrame(frame.subarray(0, length))).not.toThrow();
      }),
    );
  }); // prettier-ignore
});

describe('sightingOf', () => {
  const shown = { inPort: 42, cookie: dropCookie('address-elsewhere'), match: {}, data: QUESTION };

  it('says who claimed which address where', () => {
    expect(sightingOf(shown)).toEqual({ mac: '02:00:00:00:00:aa', address: '10.8.0.13', port: 42 });
  });

  it('says in which VLAN, which the switch has taken off', () => {
    expect(sightingOf({ ...shown, match: { in_port: 42n, reg6: 103n } })).toMatchObject({ vlan: 103 });
    expect(sightingOf({ ...shown, data: TAGGED })).toMatchObject({ vlan: 0x67 });
  });

  it('says nothing of other packets', () => {
    expect(sightingOf({ ...shown, cookie: dropCookie('no-contract') })).toBeUndefined();
    expect(sightingOf({ ...shown, data: QUESTION.subarray(0, 20) })).toBeUndefined();
  });
});

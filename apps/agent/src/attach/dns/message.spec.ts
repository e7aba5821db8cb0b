import packet, { type Packet } from 'dns-packet';
import fc from 'fast-check';
import { answerQuery, type Question } from './message';

const ADDRESSES = Array.from({ length: 60 }, (_, i) => `10.32.0.${i + 1}`);
const ABOUT: Question = {
  tenantOf: (from) => (from === '169.254.64.1' ? 'acme' : undefined),
  names: () =>
    new Map([
      ['acme/shop/api', ['10.32.0.5', '10.32.0.6']],
      ['acme/shop/many', ADDRESSES],
    ]),
};
const US = '169.254.64.1';

const query = (name: string, change: object = {}, type = 'A'): Buffer =>
  packet.encode({
    id: 7,
    type: 'query',
    flags: packet.RECURSION_DESIRED,
    questions: [{ name, type: type as 'A', class: 'IN' }],
    ...change,
  });
const ask = (message: Buffer, from = US, limit = 512, about = ABOUT): Packet | undefined => {
  const reply = answerQuery(message, from, limit, about);
  return reply && packet.decode(reply);
};
const rcode = (reply: Packet | undefined): string | undefined => (reply as { rcode?: string } | undefined)?.rcode;
const addresses = (reply: Packet | undefined): unknown[] => reply?.answers?.map((a) => 'data' in a && a.data) ?? [];

describe('answerQuery', () => {
  it('answers with the addresses, authoritative, for one second, to the question as it was asked', () => {
    const reply = ask(query('API.shop.acme.heddle'));
    expect(reply).toMatchObject({
      id: 7,
      type: 'response',
      flag_aa: true,
      flag_rd: true,
      flag_tc: false,
      questions: [{ name: 'API.shop.acme.heddle', type: 'A' }],
    });
    expect(rcode(reply)).toBe('NOERROR');
    expect(addresses(reply).sort()).toEqual(['10.32.0.5', '10.32.0.6']);
    expect(reply?.answers?.[0]).toMatchObject({ ttl: 1, name: 'API.shop.acme.heddle' });
  });

  it('begins with another address for other queries', () => {
    const firsts = [1, 2, 3, 4].map((id) => addresses(ask(query('api.shop.acme.heddle', { id })))[0]);
    expect(new Set(firsts).size).toBe(2);
  });

  it('has names without addresses of another type', () => {
    const reply = ask(query('api.shop.acme.heddle', {}, 'AAAA'));
    expect([rcode(reply), addresses(reply)]).toEqual(['NOERROR', []]);
  });

  it('leaves out what does not fit over UDP and says so, and gives all over TCP', () => {
    const short = ask(query('many.shop.acme.heddle'));
    expect(short).toMatchObject({ flag_tc: true });
    expect(addresses(short).length).toBeGreaterThan(10);
    expect(answerQuery(query('many.shop.acme.heddle'), US, 512, ABOUT)!.length).toBeLessThanOrEqual(512);
    const long = ask(query('many.shop.acme.heddle'), US, 65_535);
    expect(long).toMatchObject({ flag_tc: false });
    expect(addresses(long)).toHaveLength(60);
  });

  it.each([
    ['a name that does not exist', query('none.shop.acme.heddle'), 'NXDOMAIN'],
    ['an outside name', query('example.org'), 'REFUSED'],
    ['another class', query('api.shop.acme.heddle', { questions: [{ name: 'a', type: 'A', class: 'CH' }] }), 'REFUSED'],
    ['no question', query('', { questions: [] }), 'FORMERR'],
    [
      'two questions',
      query('', {
        questions: [
          { name: 'a', type: 'A' },
          { name: 'b', type: 'A' },
        ],
      }),
      'FORMERR',
    ],
    ['an update', query('api.shop.acme.heddle', { flags: 5 << 11 }), 'NOTIMP'],
    ['a cut question', query('api.shop.acme.heddle').subarray(0, 20), 'FORMERR'],
  ])('answers %s with its code', (_what, message, code) => {
    expect(rcode(ask(message))).toBe(code);
  });

  it('refuses whoever is no endpoint of this host', () => {
    expect(rcode(ask(query('api.shop.acme.heddle'), '10.32.0.5'))).toBe('REFUSED');
  });

  it('does not say that a name does not exist before it knows', () => {
    expect(rcode(ask(query('api.shop.acme.heddle'), US, 512, { ...ABOUT, names: () => undefined }))).toBe('SERVFAIL');
  });

  it('answers no responses and nothing too short for a header', () => {
    expect(ask(query('api.shop.acme.heddle', { type: 'response' }))).toBeUndefined();
    for (const length of [0, 1, 2, 11]) expect(ask(query('a').subarray(0, length))).toBeUndefined();
  });

  it('never throws, answers with the id of the query or not at all, and within the limit', () => {
    const damaged = fc.tuple(fc.nat(40), fc.uint8Array({ minLength: 1, maxLength: 40 })).map(([at, bytes]) => {
      const message = Buffer.concat([query('api.shop.acme.heddle'), Buffer.alloc(40)]);
      message.set(bytes, at);
      return message;
    });
    const anything = fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(fc.oneof(damaged, anything), (message) => {
        const reply = answerQuery(message, US, 512, ABOUT);
        if (!reply) return;
        expect(reply.length).toBeLessThanOrEqual(Math.max(512, message.length));
        expect(reply.readUInt16BE(0)).toBe(message.readUInt16BE(0));
        expect(reply.readUInt8(2) & 0x80).toBe(0x80);
      }),
    );
  });

  it('is not led round in circles by compressed names', () => {
    const loop = Buffer.from('000701000001000000000000c00c00010001', 'hex');
    expect(rcode(ask(loop))).toBe('FORMERR');
  });
});

import { canonicalFlow, FIELDS, formatFlow, type Flow } from '@heddle/pipeline';
import fc from 'fast-check';
import { arbitraryFlow } from '../../testing/flow-arbitraries';
import { ACTIONS, flowCatalogue, METER, unusedFields } from '../../testing/flow-catalogue';
import { encodeBundleControl, BundleControl, writeBundledFlow } from './bundle';
import { readError } from './error';
import { FlowCommand, readFlowMod, writeFlowMod } from './flow-mod';
import { MessageFramer } from './framer';
import { encodeMessage, MessageType, type Message } from './header';
import { readInstructions } from './instructions';
import { encodeFlowRequest, multipartBody, readFlowStats } from './multipart';
import { encodeMeterMod, MeterCommand } from './meter';
import { readMatch } from './oxm';
import { encodePacketOut, readPacketIn } from './packets';
import { readPortCounters, readPortDescriptions, readPortStatus } from './ports';
import { checkHello, encodeHello, encodeSetAsync, encodeSetConfig } from './setup';
import { readUint, Writer } from './writer';

const flowMod = (flow: Flow, command: FlowCommand = FlowCommand.add, cookieMask?: bigint): Buffer => {
  const out = new Writer();
  writeFlowMod(out, 7, command, flow, cookieMask);
  return out.finish();
};
const message = (bytes: Buffer): Message => new MessageFramer().push(bytes)[0] as Message;
const hex = (text: string): Buffer => Buffer.from(text.replace(/\s/g, ''), 'hex');

const FLOW: Flow = {
  table: 5,
  priority: 100,
  cookie: 0xabcd_0000_0000_0001n,
  match: { eth_type: 0x800n, reg0: 10n, ct_state: { value: 0x20n, mask: 0x31n } },
  actions: [
    { type: 'ct', commit: true, zone: 1 },
    { type: 'goto', table: 6 },
  ],
};

describe('flows on the wire', () => {
  it('come back as they were sent', () => {
    fc.assert(
      fc.property(arbitraryFlow, (flow) => {
        expect(canonicalFlow(readFlowMod(flowMod(flow)))).toEqual(canonicalFlow(flow));
      }),
    );
  });

  it('are the same bytes for every spelling', () => {
    fc.assert(
      fc.property(arbitraryFlow, (flow) => {
        expect(flowMod(canonicalFlow(flow)).equals(flowMod(flow))).toBe(true);
      }),
    );
  });

  it.each(flowCatalogue().map((flow) => [formatFlow(flow), flow] as const))(
    'come back as they were sent: %s',
    (_, flow) => {
      expect(canonicalFlow(readFlowMod(flowMod(flow)))).toEqual(canonicalFlow(flow));
    },
  );

  it('are covered by the catalogue: every field and every action', () => {
    expect(unusedFields()).toEqual([]);
    const types = new Set(ACTIONS.flatMap(([, actions]) => actions.map(({ type }) => type)));
    expect([...types].sort()).toEqual([
      'ct',
      'dec_ttl',
      'goto',
      'meter',
      'move',
      'output',
      'output_reg',
      'pop',
      'pop_vlan',
      'push',
      'push_vlan',
      'resubmit',
      'set_field',
    ]);
    expect(FIELDS.length).toBeGreaterThan(60);
  });

  it('look like this', () => {
    expect(flowMod(FLOW)).toEqual(
      hex(`05 0e 0078 00000007
           abcd000000000001 0000000000000000 05 00 0000 0000 0064 ffffffff ffffffff ffffffff 0000 0000
           0001 001e 80000a02 0800 00010004 0000000a 0001d308 00000020 00000031 0000
           0004 0020 00000000
             ffff 0018 00002320 0023 0001 00000000 0001 ff 000000 0000
           0001 0008 06 000000`),
    );
  });

  it('are deleted by place and owner, without their actions', () => {
    const bytes = flowMod({ ...FLOW, hardTimeout: 5 }, FlowCommand.deleteStrict, 0xffffn << 48n);
    expect(bytes.length).toBe(0x78 - 0x28);
    expect(bytes.subarray(8, 32)).toEqual(hex('abcd000000000001 ffff000000000000 05 04 0000 0000 0064'));
  });

  it('go into a bundle with the same xid inside and outside', () => {
    const out = new Writer();
    writeBundledFlow(out, 7, 3, FlowCommand.add, FLOW);
    const bytes = out.finish();
    expect(bytes.subarray(0, 16)).toEqual(hex('05 22 0088 00000007 00000003 0000 0003'));
    expect(bytes.subarray(16)).toEqual(flowMod(FLOW));
  });
});

describe('flows that cannot be sent', () => {
  const bad =
    (part: Partial<Flow>): (() => void) =>
    () =>
      void flowMod({ ...FLOW, ...part });

  it.each<[string, Partial<Flow>, RegExp]>([
    ['a value wider than its field', { match: { tcp_dst: 65536n } }, /tcp_dst=0x10000: the field has 16 bits/],
    ['a negative value', { match: { reg0: -1n } }, /reg0/],
    ['a set wider than its field', { actions: [{ type: 'set_field', field: 'ip_dscp', value: 64n }] }, /ip_dscp/],
    ['part of the VLAN priority', { match: { vlan_tci: { value: 0x2000n, mask: 0x6000n } } }, /priority/],
    ['a priority without a tag', { match: { vlan_tci: { value: 0x2000n, mask: 0xe000n } } }, /priority/],
    ['a table that cannot be', { table: 256 }, /256/],
    ['a zone that cannot be', { actions: [{ type: 'ct', zone: 65536 }] }, /65536/],
    ['goto in the middle', { actions: [{ type: 'goto', table: 1 }, { type: 'dec_ttl' }] }, /goto/],
    [
      'an instruction between actions',
      {
        actions: [
          { type: 'dec_ttl' },
          { type: 'unknown', kind: 'instruction', hex: '0005000800000000' },
          { type: 'dec_ttl' },
        ],
      },
      /actions stand after an instruction/,
    ],
    [
      'a meter after something else',
      { actions: [{ type: 'dec_ttl' }, { type: 'meter', meter: 1 }] },
      /meter is not the first/,
    ],
    ['a meter in ct', { actions: [{ type: 'ct', zone: 1, exec: [{ type: 'meter', meter: 1 }] }] }, /meter stands/],
    ['goto in ct', { actions: [{ type: 'ct', zone: 1, exec: [{ type: 'goto', table: 1 }] }] }, /goto/],
    [
      'bits outside of a field',
      { actions: [{ type: 'push', source: { field: 'reg0', offset: 20, bits: 13 } }] },
      /bits 20\.\.32 of reg0: the field has bits 0\.\.31/,
    ],
    [
      'a move of unequal parts',
      {
        actions: [
          {
            type: 'move',
            source: { field: 'reg0', offset: 0, bits: 8 },
            target: { field: 'reg1', offset: 0, bits: 9 },
          },
        ],
      },
      /move of 8 bits/,
    ],
    [
      'too many bits',
      { actions: [{ type: 'output_reg', source: { field: 'ct_label', offset: 0, bits: 65 } }] },
      /at most 64/,
    ],
  ])('are refused with the reason and the flow: %s', (_, part, reason) => {
    expect(bad(part)).toThrow(reason);
    expect(bad(part)).toThrow(/in the flow "cookie=/);
  });
});

describe('what Open vSwitch 3.1 sends', () => {
  const actions = (text: string): unknown => {
    const bytes = hex(text);
    return readInstructions(bytes, 0, bytes.length);
  };

  it('is read although it rewrites masked sets into loads', () => {
    expect(actions('0004 0020 00000000 ffff0018000023200007000300010a040000000000000001')).toEqual([
      { type: 'set_field', field: 'reg5', value: 1n, mask: 0xfn },
    ]);
    expect(actions('0004 0020 00000000 ffff0018000023200007 1c0f 00012610 000000000000fd00')).toEqual([
      { type: 'set_field', field: 'ipv6_src', value: 0xfd00n << 112n, mask: 0xffffn << 112n },
    ]);
  });

  it('is read although it names registers and VLANs in its own way', () => {
    expect(actions('0004 0020 00000000 ffff0018 00002320 000f 001f 00010604 ffff 000000000000')).toEqual([
      { type: 'output_reg', source: { field: 'reg3', offset: 0, bits: 32 } },
    ]);
    expect(actions('0004 0018 00000000 0019 0010 80000c02 1064 000000000000')).toEqual([
      { type: 'set_field', field: 'vlan_tci', value: 0x1064n, mask: 0x1fffn },
    ]);
    expect(readMatch(hex('80000c02 1064 80000e01 07')).match).toEqual({ vlan_tci: 0xf064n });
    expect(readMatch(hex('80000c02 0000')).match).toEqual({ vlan_tci: { value: 0n, mask: 0x1fffn } });
  });

  it('is read although it uses experimenter fields', () => {
    expect(readMatch(hex('ffff5508 4f4e4600 0002 0012'))).toEqual({
      match: { tcp_flags: { value: 2n, mask: 0x12n } },
      unknown: [],
    });
  });

  it('is kept as it is where it is not understood', () => {
    expect(readMatch(hex('80001201 01 80000a02 0800'))).toEqual({
      match: { eth_type: 0x800n },
      unknown: ['8000120101'],
    });
    expect(actions('0005 0008 00000000')).toEqual([{ type: 'unknown', kind: 'instruction', hex: '0005000800000000' }]);
    expect(actions('0004 0018 00000000 ffff 0010 00002320 0008 0001 00000000')).toEqual([
      { type: 'unknown', kind: 'action', hex: 'ffff0010000023200008000100000000' },
    ]);
  });
});

describe('bytes that make no sense', () => {
  const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array));

  it('are never a crash', () => {
    fc.assert(
      fc.property(bytes, (noise) => {
        readMatch(noise);
        readInstructions(noise, 0, noise.length);
        readFlowStats(noise);
        readPortDescriptions(noise);
        readPortCounters(noise);
      }),
    );
  });

  it('are never a crash when they start as something that does', () => {
    const whole = flowCatalogue().map((flow) => flowMod(flow));
    fc.assert(
      fc.property(fc.constantFrom(...whole), fc.nat(), fc.integer({ min: 0, max: 255 }), (original, place, value) => {
        const broken = Buffer.from(original);
        broken[48 + (place % (broken.length - 48))] = value;
        readMatch(broken.subarray(52));
        readInstructions(broken, 48, broken.length);
      }),
    );
  });
});

describe('the other messages', () => {
  it('look like this', () => {
    expect(encodeHello(1)).toEqual(hex('05 00 0010 00000001 0001 0008 00000020'));
    expect(encodeSetConfig(2)).toEqual(hex('05 09 000c 00000002 0000 ffff'));
    expect(encodeSetAsync(3, false)).toEqual(
      hex(`05 1c 0038 00000003
           0000 0008 00000000 0001 0008 00000000 0002 0008 00000007 0003 0008 00000007 0004 0008 00000000 0005 0008 00000000`),
    );
    expect(encodeSetAsync(3, true).subarray(8, 24)).toEqual(hex('0000 0008 0000003b 0001 0008 0000003b'));
    expect(encodeMeterMod(8, MeterCommand.add, METER)).toEqual(
      hex('05 1d 0020 00000008 0000 000e 00000007 0001 0010 00000014 00000014 00000000'),
    );
    expect(encodeBundleControl(4, 9, BundleControl.commit)).toEqual(hex('05 21 0010 00000004 00000009 0004 0003'));
    expect(encodeFlowRequest(5, { table: 3, cookie: 1n })).toEqual(
      hex(`05 12 0038 00000005 0001 0000 00000000
           03 000000 ffffffff ffffffff 00000000 0000000000000001 ffffffffffffffff 0001 0004 00000000`),
    );
    expect(encodePacketOut(6, { inPort: 'local', actions: [{ type: 'output', port: 1 }], data: hex('aabb') })).toEqual(
      hex('05 0d 002a 00000006 ffffffff fffffffe 0010 000000000000 0000 0010 00000001 0000 000000000000 aabb'),
    );
  });

  it('agree on a version with every switch that speaks ours', () => {
    const hello =
      (text: string): (() => void) =>
      () =>
        checkHello(message(hex(text)));
    expect(hello('05 00 0008 00000001')).not.toThrow();
    expect(hello('06 00 0008 00000001')).not.toThrow();
    expect(hello('06 00 0010 00000001 0001 0008 00000060')).not.toThrow();
    expect(hello('06 00 0010 00000001 0001 0008 00000052')).toThrow(/OpenFlow14/);
    expect(hello('04 00 0008 00000001')).toThrow(/OpenFlow14/);
  });

  it('carry errors with the names of the specification', () => {
    const error = (text: string): string => readError(message(hex(`05 01 000c 00000001 ${text}`))).reason;
    expect(error('0002 000a')).toBe('OFPBAC_MATCH_INCONSISTENT');
    expect(error('0004 0009')).toBe('OFPBMC_BAD_PREREQ');
    expect(error('0005 0001')).toBe('OFPFMFC_TABLE_FULL');
    expect(error('0011 000d')).toBe('OFPBFC_MSG_FAILED');
    expect(error('0006 0003')).toBe('GROUP_MOD_FAILED code 3');
    expect(error('0099 0003')).toBe('type 153 code 3');
    expect(readError(message(hex('05 01 0010 00000001 ffff 0801 00002320'))).reason).toBe(
      'experimenter 0x2320 type 2049',
    );
  });

  it('carry packets and port changes', () => {
    const packet = readPacketIn(
      message(
        hex(
          '05 0a 0030 00000000 ffffffff 0002 00 03 00000000000000ff 0001 000c 80000004 00000005 00000000 0000 aabbccddeeff',
        ),
      ),
    );
    expect(packet).toEqual({ inPort: 5, table: 3, cookie: 255n, match: { in_port: 5n }, data: hex('aabbccddeeff') });
    const status = hex(
      `02 00000000000000 00000005 0028 0000 020000000001 0000 76310000000000000000000000000000 00000000 00000001`,
    );
    expect(readPortStatus(status)).toEqual({
      event: 'modified',
      port: { number: 5, name: 'v1', mac: '02:00:00:00:00:01', adminDown: false, linkDown: true },
    });
  });

  it('are cut from a stream wherever it is cut', () => {
    const messages = [encodeHello(1), flowMod(FLOW), encodeMessage(MessageType.barrierReply, 9)];
    const stream = Buffer.concat(messages);
    fc.assert(
      fc.property(fc.array(fc.nat({ max: stream.length })), (places) => {
        const ends = [...places, stream.length].sort((a, b) => a - b);
        const framer = new MessageFramer();
        const found = ends.flatMap((end, index) => framer.push(stream.subarray(ends[index - 1] ?? 0, end)));
        expect(found.map(({ bytes }) => Buffer.from(bytes))).toEqual(messages);
      }),
    );
    expect(() => new MessageFramer().push(hex('05 00 0007 00000000'))).toThrow(/7 bytes/);
  });

  it('have bodies after their fixed parts', () => {
    expect(multipartBody(message(hex('05 13 0012 00000001 0001 0000 00000000 abcd')))).toEqual(hex('abcd'));
  });
});

describe('Writer', () => {
  it('writes integers of every width', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 16 }), fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }), (bytes, value) => {
        const written = new Writer().uint(value, bytes).finish();
        expect(written).toHaveLength(bytes);
        expect(readUint(written, 0, bytes)).toBe(BigInt.asUintN(8 * bytes, value));
      }),
    );
  });

  it('grows, and refuses lengths that do not fit', () => {
    const out = new Writer().u16(0).zeros(70_000).u32(0x01020304);
    expect(() => out.fillLength(0, 0)).toThrow(/70006 bytes/);
    expect(out.finish().subarray(-4)).toEqual(hex('01020304'));
  });
});

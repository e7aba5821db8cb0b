import type { Action, Flow, Match } from './flow';
import { formatActions, formatFlow, formatMatch, formatPacket } from './format';
import { formatIpv4, formatIpv6, formatMac } from './values';

const reg = (field: 'reg0' | 'reg3' | 'reg4', offset: number, bits: number) => ({ field, offset, bits });

describe('formatFlow', () => {
  const flow: Flow = {
    table: 3,
    priority: 100,
    cookie: 0xabcd_0000_0000_0005n,
    match: { in_port: 1n, eth_type: 0x800n, ip_proto: 6n, tcp_dst: 80n },
    actions: [
      { type: 'ct', zone: 1, table: 5 },
      { type: 'goto', table: 6 },
    ],
    hardTimeout: 30,
    idleTimeout: 10,
  };

  it('writes what ovs-ofctl reads', () => {
    expect(formatFlow(flow)).toBe(
      'cookie=0xabcd000000000005,table=3,idle_timeout=10,hard_timeout=30,priority=100,tcp,in_port=1,tp_dst=80 actions=ct(table=5,zone=1),goto_table:6',
    );
    expect(formatFlow({ table: 0, priority: 0, cookie: 0n, match: {}, actions: [] })).toBe(
      'cookie=0x0,table=0,priority=0 actions=drop',
    );
  });

  it('writes names of tables for people', () => {
    const names = new Map([
      [3, 'classify'],
      [5, 'contract'],
    ]);
    expect(formatFlow(flow, names)).toContain(',table=classify,');
    expect(formatFlow(flow, names)).toContain('ct(table=contract,zone=1),goto_table:6');
    expect(formatActions([{ type: 'resubmit', table: 5 }], names)).toBe('resubmit(,contract)');
  });

  it('shows what was not understood', () => {
    const unknown: Action = { type: 'unknown', kind: 'action', hex: '0016000800000001' };
    expect(formatFlow({ ...flow, match: {}, unknownMatch: ['8000120101'], actions: [unknown] })).toMatch(
      /priority=100,unknown\(8000120101\) actions=unknown\(0016000800000001\)$/,
    );
  });
});

describe('formatMatch', () => {
  it.each<[Match, string]>([
    [{}, ''],
    [{ in_port: 0xfffffffen }, 'in_port=LOCAL'],
    [
      { eth_src: 0x02000a000105n, eth_dst: { value: 1n << 40n, mask: 1n << 40n } },
      'dl_src=02:00:0a:00:01:05,dl_dst=01:00:00:00:00:00/01:00:00:00:00:00',
    ],
    [{ vlan_tci: { value: 0n, mask: 0x1fffn } }, 'vlan_tci=0x0000/0x1fff'],
    [{ vlan_tci: { value: 0x1064n, mask: 0x1fffn } }, 'dl_vlan=100'],
    [{ vlan_tci: 0xf064n }, 'dl_vlan=100,dl_vlan_pcp=7'],
    [{ eth_type: 0x800n, ip_src: { value: 0x0a000000n, mask: 0xff000000n } }, 'ip,nw_src=10.0.0.0/8'],
    [{ eth_type: 0x800n, ip_dst: { value: 0x0a000001n, mask: 0xff0000ffn } }, 'ip,nw_dst=10.0.0.1/255.0.0.255'],
    [{ eth_type: 0x800n, ip_proto: 47n, ip_dscp: 46n }, 'ip,nw_proto=47,nw_tos=184'],
    [{ eth_type: 0x86ddn, ip_proto: 58n, icmpv6_type: 135n, nd_target: 1n }, 'icmp6,icmp_type=135,nd_target=::1'],
    [{ eth_type: 0x86ddn, ip_proto: 17n, udp_dst: 53n }, 'udp6,tp_dst=53'],
    [{ eth_type: 0x806n, arp_op: 1n, arp_tpa: 0x0a000001n }, 'arp,arp_tpa=10.0.0.1,arp_op=1'],
    [{ eth_type: 0x88ccn }, 'dl_type=0x88cc'],
    [{ eth_type: 0x800n, ip_frag: 3n }, 'ip,nw_frag=later'],
    [{ eth_type: 0x800n, ip_frag: { value: 0n, mask: 2n } }, 'ip,nw_frag=not_later'],
    [{ eth_type: 0x800n, ip_proto: 6n, tcp_flags: { value: 2n, mask: 0x12n } }, 'tcp,tcp_flags=+syn-ack'],
    [{ eth_type: 0x800n, ip_proto: 6n, tcp_flags: 0x12n }, 'tcp,tcp_flags=syn|ack'],
    [{ ct_state: { value: 0x21n, mask: 0x31n } }, 'ct_state=+new-inv+trk'],
    [{ ct_state: 0n }, 'ct_state=0'],
    [{ reg0: 10n, reg3: { value: 0x20n, mask: 0xf0n }, tun_id: 100n }, 'reg0=0xa,reg3=0x20/0xf0,tun_id=0x64'],
    [{ tcp_src: { value: 0x100n, mask: 0xff00n } }, 'tp_src=0x100/0xff00'],
  ])('writes %j as %s', (match, text) => {
    expect(formatMatch(match)).toBe(text);
  });
});

describe('formatPacket', () => {
  it('names ports and types as ofproto/trace wants them', () => {
    expect(formatPacket({ in_port: 1n, eth_type: 0x800n, ip_proto: 17n, ip_src: 1n, udp_dst: 53n })).toBe(
      'udp,in_port=1,ip_src=0.0.0.1,udp_dst=53',
    );
    expect(formatPacket({ eth_type: 0x86ddn, ip_proto: 58n, icmpv6_type: 128n })).toBe('icmp6,icmpv6_type=128');
  });
});

describe('formatActions', () => {
  it.each<[Action, string]>([
    [{ type: 'output', port: 5 }, 'output:5'],
    [{ type: 'output', port: 'in_port' }, 'IN_PORT'],
    [{ type: 'output', port: 'controller' }, 'CONTROLLER:65535'],
    [{ type: 'output_reg', source: reg('reg3', 0, 32) }, 'output:NXM_NX_REG3[]'],
    [{ type: 'push', source: reg('reg0', 4, 8) }, 'push:NXM_NX_REG0[4..11]'],
    [{ type: 'pop', target: reg('reg0', 4, 1) }, 'pop:NXM_NX_REG0[4]'],
    [
      {
        type: 'move',
        source: { field: 'arp_spa', offset: 0, bits: 32 },
        target: { field: 'arp_tpa', offset: 0, bits: 32 },
      },
      'move:NXM_OF_ARP_SPA[]->NXM_OF_ARP_TPA[]',
    ],
    [{ type: 'set_field', field: 'eth_dst', value: 1n }, 'set_field:00:00:00:00:00:01->eth_dst'],
    [{ type: 'set_field', field: 'reg0', value: 0x10n, mask: 0xf0n }, 'set_field:0x10/0xf0->reg0'],
    [{ type: 'set_field', field: 'tun_dst', value: 0x0aff0001n }, 'set_field:10.255.0.1->tun_dst'],
    [{ type: 'push_vlan' }, 'push_vlan:0x8100'],
    [{ type: 'ct', zone: 0 }, 'ct'],
    [{ type: 'ct', zone: 0, commit: true }, 'ct(commit)'],
    [
      {
        type: 'ct',
        zone: reg('reg4', 0, 16),
        commit: true,
        table: 5,
        exec: [{ type: 'set_field', field: 'ct_mark', value: 1n }],
      },
      'ct(commit,table=5,zone=NXM_NX_REG4[0..15],exec(set_field:0x1->ct_mark))',
    ],
  ])('writes %j as %s', (action, text) => {
    expect(formatActions([action])).toBe(text);
  });

  it('writes no actions as drop', () => {
    expect(formatActions([])).toBe('drop');
  });
});

describe('addresses', () => {
  it('are written in their usual form', () => {
    expect(formatMac(0x02000a000105n)).toBe('02:00:0a:00:01:05');
    expect(formatIpv4(0xc0a80101n)).toBe('192.168.1.1');
  });

  it.each([
    [0n, '::'],
    [1n, '::1'],
    [0x2001_0db8_0000_0000_0001_0000_0000_0001n, '2001:db8::1:0:0:1'],
    [0x2001_0db8_0000_0001_0001_0001_0001_0001n, '2001:db8:0:1:1:1:1:1'],
    [0xfe80_0000_0000_0000_0000_0000_0000_0000n, 'fe80::'],
    [0x0001_0002_0003_0004_0005_0006_0007_0008n, '1:2:3:4:5:6:7:8'],
  ])('of IPv6 are shortened as RFC 5952 says: %s', (value, text) => {
    expect(formatIpv6(value)).toBe(text);
  });
});

import { readConntrack } from './conntrack';

describe('readConntrack', () => {
  it('reads connections of TCP and ICMP, over IPv4 and IPv6', () => {
    const tcp =
      'tcp,orig=(src=10.0.1.11,dst=10.0.1.12,sport=40000,dport=8080),reply=(src=10.0.1.12,dst=10.0.1.11,sport=8080,dport=40000),zone=1,mark=256,labels=0x1,protoinfo=(state=ESTABLISHED)';
    const icmp =
      'icmpv6,orig=(src=fd00::1,dst=fd00::2,id=7,type=128,code=0),reply=(src=fd00::2,dst=fd00::1,id=7,type=129,code=0)';
    expect(readConntrack(`${tcp}\n${icmp}\n`)).toEqual([
      {
        protocol: 'tcp',
        original: { src: '10.0.1.11', dst: '10.0.1.12', sport: 40000, dport: 8080 },
        reply: { src: '10.0.1.12', dst: '10.0.1.11', sport: 8080, dport: 40000 },
        zone: 1,
        mark: 256,
        state: 'ESTABLISHED',
        text: tcp,
      },
      {
        protocol: 'icmpv6',
        original: { src: 'fd00::1', dst: 'fd00::2' },
        reply: { src: 'fd00::2', dst: 'fd00::1' },
        zone: 0,
        mark: 0,
        text: icmp,
      },
    ]);
  });

  it('reads an empty table', () => {
    expect(readConntrack('')).toEqual([]);
  });
});

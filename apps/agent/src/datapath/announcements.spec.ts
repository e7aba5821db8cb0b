import { FakeSwitch } from '@heddle/ovs';
import type { LocalEndpoint, RemoteEndpoint } from '@heddle/pipeline';
import { announcements, bindingsOf, gratuitousArp } from './announcements';
import { Announcer } from './announcer';

const OLD = '02:00:00:00:00:01';
const NEW = '02:00:00:00:00:02';
const bridgeDomainOf = (epg: string): number | undefined => ({ web: 1, api: 1, other: 2 })[epg];
const local = (id: string, port: number, change: Partial<LocalEndpoint> = {}): LocalEndpoint => ({
  id,
  epg: 'web',
  mac: `02:00:00:00:01:0${port}`,
  addresses: [`10.0.0.${port}`],
  port,
  healthPorts: [],
  ...change,
});
const remote = (mac: string, address = '10.0.0.99'): RemoteEndpoint => ({
  id: 'vm',
  epg: 'api',
  mac,
  addresses: [address],
  underlay: '192.0.2.1',
});
const bindings = (...endpoints: (LocalEndpoint | RemoteEndpoint)[]) => bindingsOf(endpoints, bridgeDomainOf);

describe('gratuitousArp', () => {
  it('is a request in which sender and target are one address', () => {
    const frame = gratuitousArp(NEW, '10.0.0.99', { to: OLD });
    expect(frame).toHaveLength(60);
    expect(frame.subarray(0, 42).toString('hex')).toBe(
      '020000000001' + '020000000002' + '0806' + '0001080006040001' + '020000000002' + '0a000063' + '000000000000' + '0a000063',
    ); // prettier-ignore
  });

  it('bears a VLAN header where it is sent in one', () => {
    expect(gratuitousArp(NEW, '10.0.0.99', { to: OLD, vlan: 100 }).subarray(12, 18).toString('hex')).toBe(
      '810000640806',
    );
  });
});

describe('announcements', () => {
  const tell = (now: (LocalEndpoint | RemoteEndpoint)[], locals: LocalEndpoint[], appeared: string[] = []) =>
    announcements(bindings(remote(OLD)), bindings(...now), locals, new Set(appeared), bridgeDomainOf);

  it('tell the neighbours of a bridge domain when an address has another MAC, each for itself', () => {
    const neighbours = [local('a', 1), local('b', 2, { epg: 'api', wire: { vlan: 7, routed: false, hairpin: false } })];
    const told = tell([...neighbours, remote(NEW)], [...neighbours, local('c', 3, { epg: 'other' })]);
    expect(told).toEqual([
      { port: 1, data: gratuitousArp(NEW, '10.0.0.99', { to: '02:00:00:00:01:01' }) },
      { port: 2, data: gratuitousArp(NEW, '10.0.0.99', { to: '02:00:00:00:01:02', vlan: 7 }) },
    ]);
  });

  it('tell nothing when nothing moved, when an address is new, or when one is gone', () => {
    expect(tell([remote(OLD)], [local('a', 1)])).toEqual([]);
    expect(tell([remote(OLD), remote(NEW, '10.0.0.98')], [local('a', 1)])).toEqual([]);
    expect(tell([], [local('a', 1)])).toEqual([]);
  });

  it('leave neighbours behind a routing switch to that switch', () => {
    const wire = { vlan: 7, routed: true, hairpin: false };
    expect(tell([remote(NEW)], [local('a', 1, { wire })])).toEqual([]);
  });

  it('tell a fabric who appeared behind an uplink, in its VLAN', () => {
    const e = local('a', 1, { uplink: { port: 9, vlan: 100 } });
    expect(tell([e], [e, local('b', 2)], ['a', 'b'])).toEqual([
      { port: 9, data: gratuitousArp(e.mac, '10.0.0.1', { to: 'ff:ff:ff:ff:ff:ff', vlan: 100 }) },
    ]);
  });
});

describe('Announcer', () => {
  it('takes what is known first for old, and tells each change once', async () => {
    const bridge = new FakeSwitch();
    const announcer = new Announcer({ bridge, onError: () => undefined });
    const update = (...all: RemoteEndpoint[]) => announcer.update([local('a', 1)], all, bridgeDomainOf);
    update(remote(OLD));
    expect(bridge.sent).toHaveLength(0);
    update(remote(NEW));
    update(remote(NEW));
    expect(bridge.sent).toHaveLength(1);
    expect(bridge.sent[0]).toMatchObject({ actions: [{ type: 'output', port: 1 }] });
  });
});

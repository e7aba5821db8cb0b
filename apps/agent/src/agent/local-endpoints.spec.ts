import type { PortState } from '@heddle/ovs';
import { HOST_LINK_ID } from '../attach/host-link';
import { portIds } from '../datapath/port-ids';
import { allocation, attachedEndpoint } from '../testing/parts';
import { endpointReport, healthPorts, readPorts, TUNNEL_ID } from './local-endpoints';

const ENDPOINT = attachedEndpoint('e1', '10.32.0.5', { allocation: 'acme/shop/web-1', linkIndex: 4 });
const port = (name: string, change: Partial<PortState> = {}): PortState => ({
  bridge: 'br',
  name,
  type: '',
  options: {},
  externalIds: {},
  ...change,
});

describe('readPorts', () => {
  it('sorts the ports of the bridge by what they are', () => {
    expect(
      readPorts([
        port('br', { ofport: 65534 }),
        port('vx', { ofport: 1, externalIds: TUNNEL_ID }),
        port('heddle0', { ofport: 2, mac: '02:00:00:00:00:aa', externalIds: HOST_LINK_ID }),
        port(ENDPOINT.port, { ofport: 5, externalIds: portIds(ENDPOINT) }),
        port('theirs', { ofport: 6, externalIds: { owner: 'somebody' } }),
        port('tap0', { ofport: 7, interfaceIds: { 'iface-id': 'vm-1', 'attached-mac': '02:AA:00:00:00:01' } }),
      ]),
    ).toEqual({
      endpoints: [{ ...ENDPOINT, ofport: 5 }],
      machines: [{ interfaceId: 'vm-1', port: 'tap0', ofport: 7, mac: '02:aa:00:00:00:01' }],
      numbers: { br: 65534, vx: 1, heddle0: 2, [ENDPOINT.port]: 5, theirs: 6, tap0: 7 },
      tunnel: 1,
      hostLink: { port: 2, mac: '02:00:00:00:00:aa' },
    });
  });

  it('leaves out what the switch cannot use', () => {
    expect(
      readPorts([
        port(ENDPOINT.port, { externalIds: portIds(ENDPOINT), error: 'no such device' }),
        port('vx', { externalIds: TUNNEL_ID }),
        port('heddle0', { ofport: 2, externalIds: HOST_LINK_ID }),
      ]),
    ).toEqual({ endpoints: [], machines: [], tunnel: undefined, hostLink: undefined, numbers: { heddle0: 2 } });
  });
});

describe('healthPorts', () => {
  const health = { type: 'tcp', port: 'http', path: '/', intervalSeconds: 5, timeoutSeconds: 1, failures: 3 } as const;

  it('are the port of the check, and no other', () => {
    expect(healthPorts(allocation('web-1', { template: { health } }))).toEqual([8080]);
    expect(healthPorts(allocation('web-1'))).toEqual([]);
    expect(healthPorts(undefined)).toEqual([]);
    expect(healthPorts(allocation('web-1', { template: { health, ports: {} } }))).toEqual([]);
  });
});

describe('endpointReport', () => {
  it('says with its service what belongs to one', () => {
    expect(endpointReport('h1', ENDPOINT, { allocation: allocation('web-1'), healthy: true })).toEqual({
      id: 'allocation:acme/shop/web-1',
      kind: 'container',
      epg: 'acme/shop/web',
      mac: '02:48:0a:20:00:05',
      addresses: ['10.32.0.5'],
      host: 'h1',
      healthy: true,
      attachment: { driver: 'ovs', port: 'hde1' },
      since: '2026-01-01T00:00:00.000Z',
      allocation: 'acme/shop/web-1',
      service: 'web',
    });
    const { allocation: _none, ...anonymous } = ENDPOINT;
    const report = endpointReport('h1', anonymous, { healthy: true, vlan: 20 });
    expect([report.id, report.service, report.allocation]).toEqual(['docker:h1/e1', undefined, undefined]);
    expect(report.attachment).toEqual({ driver: 'ovs', port: 'hde1', vlan: 20 });
  });

  it('says where a child of an uplink is, and whose a host-side one is', () => {
    const macvlan = { uplink: 'eth1', mode: 'vepa', tagging: 'access', vlan: 30 } as const;
    expect(endpointReport('h1', { ...ENDPOINT, macvlan }, { healthy: false }).attachment).toEqual({
      driver: 'macvlan',
      port: 'hde1',
      uplink: 'eth1',
      mode: 'vepa',
      vlan: 30,
    });
    const shim = { ...ENDPOINT, allocation: undefined, macvlan: { ...macvlan, shim: true } } as const;
    expect(endpointReport('h1', shim, { healthy: true }).id).toBe('shim:h1/acme/shop/web');
  });
});

import type { PortState } from '@heddle/ovs';
import { HOST_LINK_ID } from '../attach/host-link';
import { portIds } from '../datapath/port-ids';
import { allocation, attachedEndpoint } from '../testing/parts';
import { endpointReport, localEndpoint, readPorts, TUNNEL_ID } from './local-endpoints';

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
      ]),
    ).toEqual({
      endpoints: [{ ...ENDPOINT, ofport: 5 }],
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
    ).toEqual({ endpoints: [], tunnel: undefined, hostLink: undefined });
  });
});

describe('an endpoint', () => {
  const health = { type: 'tcp', port: 'http', path: '/', intervalSeconds: 5, timeoutSeconds: 1, failures: 3 } as const;

  it('is given to the pipeline with the port of its health check, and no other', () => {
    const local = { ...ENDPOINT, ofport: 5 };
    expect(localEndpoint('h1', local, allocation('web-1', { template: { health } }))).toEqual({
      id: 'allocation:acme/shop/web-1',
      epg: 'acme/shop/web',
      mac: '02:48:0a:20:00:05',
      addresses: ['10.32.0.5'],
      port: 5,
      linkIndex: 4,
      healthPorts: [8080],
    });
    expect(localEndpoint('h1', local, allocation('web-1')).healthPorts).toEqual([]);
    expect(localEndpoint('h1', local, undefined).healthPorts).toEqual([]);
    expect(localEndpoint('h1', local, allocation('web-1', { template: { health, ports: {} } })).healthPorts).toEqual(
      [],
    );
  });

  it('is reported with its service when it belongs to one', () => {
    expect(endpointReport('h1', ENDPOINT, allocation('web-1'), true)).toEqual({
      id: 'allocation:acme/shop/web-1',
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
    const report = endpointReport('h1', anonymous, undefined, true);
    expect([report.id, report.service, report.allocation]).toEqual(['docker:h1/e1', undefined, undefined]);
  });
});

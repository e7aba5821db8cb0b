import type { EndpointView, HeddleObject } from '@heddle/model';
import { probeWork } from './targets';

const allocation = (name: string, port: number): HeddleObject<'Allocation'> =>
  ({
    kind: 'Allocation',
    metadata: { tenant: 'acme', application: 'shop', name },
    spec: { desired: 'run', service: name, host: 'h1', template: { ports: { main: { port, protocol: 'tcp' } } } },
  }) as unknown as HeddleObject<'Allocation'>;

const endpoint = (id: string, address: string, change: Partial<EndpointView> = {}): EndpointView => ({
  id,
  kind: 'container',
  epg: `acme/shop/${id}`,
  mac: '02:00:00:00:00:01',
  addresses: [address],
  host: 'h1',
  healthy: true,
  attachment: { driver: 'ovs', port: 'p' },
  problems: [],
  ...change,
});

describe('probeWork', () => {
  const allocations = [allocation('web', 8080), allocation('db', 5432)];
  const containers = [
    endpoint('web', '10.0.0.1', { allocation: 'acme/shop/web' }),
    endpoint('db', '10.0.0.2', { allocation: 'acme/shop/db' }),
  ];
  const told = (endpoints: readonly EndpointView[]) =>
    probeWork(allocations, endpoints).cases.map((c) => `${c.source.epg} ${c.destination.epg} ${c.port}`);

  it('tries every ordered pair on every port that a service has', () => {
    expect(told(containers)).toEqual([
      'acme/shop/web acme/shop/db 8080',
      'acme/shop/web acme/shop/db 5432',
      'acme/shop/db acme/shop/web 8080',
      'acme/shop/db acme/shop/web 5432',
    ]);
  });

  it('tries machines and servers from containers, and nothing from them; none that is nowhere or of no EPG', () => {
    const vm = endpoint('vm', '10.0.0.3', { kind: 'vm' });
    const lost = endpoint('lost', '10.0.0.4', { kind: 'vm', host: undefined });
    const unbound = endpoint('unbound', '10.0.0.5', { kind: 'baremetal', epg: undefined });
    const cases = told([...containers, vm, lost, unbound]).filter((c) => !/web \S+db |db \S+web /.test(c));
    expect(cases).toEqual([
      'acme/shop/web acme/shop/vm 8080',
      'acme/shop/web acme/shop/vm 5432',
      'acme/shop/db acme/shop/vm 8080',
      'acme/shop/db acme/shop/vm 5432',
    ]);
  });

  it('says which containers are missing, and why', () => {
    expect(probeWork(allocations, [containers[0] as EndpointView]).missing).toEqual([
      expect.objectContaining({ allocation: 'acme/shop/db', reason: expect.stringContaining('it has no endpoint') }),
    ]);
  });
});

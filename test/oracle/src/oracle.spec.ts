import { decide, decideBetweenEndpoints } from './oracle';
import type { Packet, PlainObject } from './objects';

/**
 * One policy, read by eye:
 *
 * - `web` may open tcp 80-89 to `api`, tcp 85 excepted, and anything but tcp from source port 7;
 * - `api` is isolated; `far` is another application; `out` is in a VRF of its own, `free1` and `free2` in an unenforced one.
 */
const at = (name: string, application?: string): PlainObject['metadata'] => ({ tenant: 'acme', application, name });
const epg = (application: string, name: string, bridgeDomain: string, spec: object = {}): PlainObject => ({
  kind: 'Epg',
  metadata: at(name, application),
  spec: { bridgeDomain, provides: [], consumes: [], isolation: 'unenforced', ...spec },
});
const OBJECTS: PlainObject[] = [
  { kind: 'Vrf', metadata: at('main'), spec: { enforcement: 'enforced' } },
  { kind: 'Vrf', metadata: at('apart'), spec: { enforcement: 'enforced' } },
  { kind: 'Vrf', metadata: at('open'), spec: { enforcement: 'unenforced' } },
  { kind: 'BridgeDomain', metadata: at('main'), spec: { vrf: 'main' } },
  { kind: 'BridgeDomain', metadata: at('second'), spec: { vrf: 'main' } },
  { kind: 'BridgeDomain', metadata: at('apart'), spec: { vrf: 'apart' } },
  { kind: 'BridgeDomain', metadata: at('open'), spec: { vrf: 'open' } },
  {
    kind: 'Filter',
    metadata: at('web'),
    spec: { entries: [{ protocol: 'tcp', destinationPorts: { from: 80, to: 89 } }] },
  },
  { kind: 'Filter', metadata: at('bad'), spec: { entries: [{ protocol: 6, destinationPorts: { from: 85, to: 85 } }] } },
  { kind: 'Filter', metadata: at('tcp'), spec: { entries: [{ protocol: 'tcp' }] } },
  { kind: 'Filter', metadata: at('all'), spec: { entries: [{ protocol: 'unspecified' }] } },
  { kind: 'Filter', metadata: at('seven'), spec: { entries: [{ protocol: 'tcp', sourcePorts: { from: 7, to: 7 } }] } },
  {
    kind: 'Contract',
    metadata: at('web'),
    spec: {
      scope: 'application',
      subjects: [
        { filters: ['web', 'all', 'seven'], action: 'permit' },
        { filters: ['bad', 'tcp'], action: 'deny' },
      ],
    },
  },
  {
    kind: 'Contract',
    metadata: at('ping'),
    spec: { scope: 'vrf', subjects: [{ filters: ['echo'], action: 'permit' }] },
  },
  { kind: 'Filter', metadata: at('echo'), spec: { entries: [{ protocol: 'icmp', icmpType: 8 }] } },
  epg('shop', 'web', 'main', { consumes: ['web'] }),
  epg('shop', 'api', 'second', { provides: ['web', 'ping'], consumes: ['web'], isolation: 'enforced' }),
  epg('blog', 'far', 'main', { consumes: ['web', 'ping'] }),
  epg('shop', 'out', 'apart', { consumes: ['web'] }),
  epg('shop', 'free1', 'open'),
  epg('shop', 'free2', 'open'),
];

const tcp = (destinationPort: number, sourcePort = 40_000): Packet => ({
  protocol: 'tcp',
  sourcePort,
  destinationPort,
});

describe('the oracle', () => {
  it.each<[string, string, Packet, string]>([
    ['shop/web', 'shop/api', tcp(80), 'permit entry-permits'],
    ['shop/web', 'shop/api', tcp(85), 'deny entry-denies'],
    ['shop/web', 'shop/api', tcp(90), 'deny entry-denies'],
    ['shop/web', 'shop/api', tcp(90, 7), 'permit entry-permits'],
    ['shop/web', 'shop/api', { protocol: 17, sourcePort: 1, destinationPort: 2 }, 'permit entry-permits'],
    ['shop/api', 'shop/web', tcp(80), 'deny nothing-permits'],
    ['shop/web', 'shop/web', tcp(22), 'permit same-epg'],
    ['shop/api', 'shop/api', tcp(80), 'deny same-epg-isolated'],
    ['blog/far', 'shop/api', tcp(80), 'deny nothing-permits'],
    ['blog/far', 'shop/api', { protocol: 1, icmpType: 8 }, 'permit entry-permits'],
    ['blog/far', 'shop/api', { protocol: 'icmp', icmpType: 0 }, 'deny nothing-permits'],
    ['shop/out', 'shop/api', tcp(80), 'deny other-vrf'],
    ['shop/free1', 'shop/free2', tcp(22), 'permit vrf-unenforced'],
    ['shop/free1', 'shop/web', tcp(22), 'deny other-vrf'],
    ['shop/web', 'shop/none', tcp(22), 'deny no-such-epg'],
  ])('%s to %s with %j: %s', (source, destination, packet, expected) => {
    const { action, because } = decide(OBJECTS, `acme/${source}`, `acme/${destination}`, packet);
    expect(`${action} ${because}`).toBe(expected);
  });

  it('tells two endpoints of an EPG from one', () => {
    const [one, two] = [
      { id: '1', epg: 'acme/shop/api' },
      { id: '2', epg: 'acme/shop/api' },
    ];
    expect(decideBetweenEndpoints(OBJECTS, one, two, tcp(80))).toEqual({
      action: 'deny',
      because: 'same-epg-isolated',
    });
    expect(decideBetweenEndpoints(OBJECTS, one, one, tcp(80))).toEqual({ action: 'permit', because: 'same-endpoint' });
  });
});

import { resolvedKey, type ResolvedEntry } from '@heddle/model';
import fc from 'fast-check';
import { computeFlows } from './compute';
import {
  COOKIE_MARK,
  DROP_COOKIES,
  DROP_REASONS,
  dropCookie,
  dropReasonOf,
  isOurs,
  ruleIdOf,
  type DropReason,
} from './cookie';
import { formatFlow } from './openflow/format';
import { placeEndpoints } from './index-endpoints';
import type { DatapathSnapshot, LocalEndpoint, RemoteEndpoint } from './snapshot';
import { TABLES_BY_NUMBER, tableNumber } from './tables';

const entries: ResolvedEntry[] = [
  { type: 'vrf', path: 'acme/default', id: 1, enforcement: 'enforced' },
  { type: 'bridge-domain', path: 'acme/default', id: 7, vrf: 1, gateways: ['10.32.0.1/16'] },
  { type: 'class', epg: 'acme/shop/web', epgUid: 'u1', classId: 16, vrf: 1, bridgeDomain: 7, domain: 'default', isolation: 'unenforced' },
  { type: 'class', epg: 'acme/shop/api', epgUid: 'u2', classId: 17, vrf: 1, bridgeDomain: 7, domain: 'default', isolation: 'unenforced' },
  {
    type: 'rule', id: 'abcdef012345', vrf: 1, source: 16, destination: 17, action: 'permit', priority: 7, origin: 'acme/shop--web--api--http',
    filter: { protocol: 6, destinationPorts: { from: 8080, to: 8080 }, entry: 'http' },
  },
]; // prettier-ignore

const snapshot: DatapathSnapshot = {
  resolved: new Map(entries.map((e) => [resolvedKey(e), e])),
  local: [
    {
      id: 'w',
      epg: 'acme/shop/web',
      mac: '02:48:0a:20:00:05',
      addresses: ['10.32.0.5'],
      port: 3,
      linkIndex: 1,
      healthPorts: [8080],
    },
  ],
  remote: [
    { id: 'a', epg: 'acme/shop/api', mac: '02:48:0a:20:00:45', addresses: ['10.32.0.69'], underlay: '192.0.2.12' },
  ],
  ports: { tunnel: 1, hostLink: { port: 2, mac: '0a:00:00:00:00:02' } },
};

const text = (s: DatapathSnapshot): string[] => computeFlows(s).map((flow) => formatFlow(flow, TABLES_BY_NUMBER));
const inTable = (table: string, s = snapshot): string[] => text(s).filter((line) => line.includes(`table=${table},`));

describe('computeFlows', () => {
  it('admits a local endpoint by port, MAC and address, untagged', () => {
    expect(inTable('spoof-guard')).toContainEqual(
      expect.stringMatching(/priority=100,.*in_port=3.*dl_src=02:48:0a:20:00:05.*nw_src=10\.32\.0\.5/),
    );
    expect(
      inTable('spoof-guard').every((line) => line.includes('priority=0') || line.includes('vlan_tci=0x0000/0x1fff')),
    ).toBe(true);
  });

  it('admits a tunnel packet only from the host of its inner source, with its class', () => {
    const [flow] = inTable('tunnel-guard').filter((line) => !line.includes('priority=0'));
    expect(flow).toMatch(/tun_id=0x11/);
    expect(flow).toMatch(/tun_src=192\.0\.2\.12/);
    expect(flow).toMatch(/nw_src=10\.32\.0\.69/);
  });

  it('writes one contract flow for both directions of a rule, on the original tuple', () => {
    const rules = inTable('contract').filter((line) => !line.includes('priority=0'));
    expect(rules).toHaveLength(1);
    expect(rules[0]).toMatch(/ct_state=-inv\+trk|ct_state=\+trk-inv/);
    expect(rules[0]).toMatch(/ct_nw_proto=6,ct_tp_dst=8080,ip,reg0=0x10,reg2=0x11 /);
    expect(rules[0]).toContain('cookie=0x4845abcdef012345');
  });

  it('gives nothing to an endpoint whose EPG is not resolved', () => {
    const blind = {
      ...snapshot,
      resolved: new Map([...snapshot.resolved].filter(([key]) => key !== 'class/acme/shop/web')),
    };
    expect(text(blind).filter((line) => line.includes('in_port=3'))).toEqual([]);
  });

  it('answers for the gateway and for every endpoint of the bridge domain', () => {
    expect(
      inTable('arp-responder')
        .filter((line) => /reg3=0x7/.test(line))
        .map((line) => /arp_tpa=([\d.]+)/.exec(line)?.[1])
        .sort(),
    ).toEqual(['10.32.0.1', '10.32.0.5', '10.32.0.69']);
  });

  it('never sends what came out of a tunnel back into one', () => {
    for (const line of inTable('forward').filter((l) => l.includes('192.0.2.12')))
      expect(line).toMatch(/reg5=0\/0x1|reg5=0x0\/0x1/);
  });

  it('drops at the end of every table that can be missed, and says why', () => {
    const last = computeFlows(snapshot).filter((flow) => flow.priority === 0 && flow.actions.length === 0);
    expect(last.map((flow) => dropReasonOf(flow.cookie)).sort()).toEqual([
      'host-link-refused', 'host-link-refused', 'host-link-refused', 'invalid-connection-state', 'no-contract', 'no-destination',
      'no-destination', 'not-ip', 'spoofed-source', 'unanswered-arp', 'unknown-fabric-source', 'unknown-port', 'unknown-tunnel-source',
      'unknown-vlan',
    ]); // prettier-ignore
  });

  it('numbers every reason so that the few flows which count them can be asked for', () => {
    const { cookie, cookieMask } = DROP_COOKIES;
    for (const reason of Object.keys(DROP_REASONS) as DropReason[]) {
      expect(dropCookie(reason) & cookieMask).toBe(cookie);
      expect(dropReasonOf(dropCookie(reason))).toBe(reason);
    }
  });

  it('marks every flow as ours and has no two for one entry', () => {
    const flows = computeFlows(snapshot);
    expect(flows.every((flow) => isOurs(flow.cookie))).toBe(true);
    const keys = text(snapshot).map((line) => line.replace(/cookie=[^,]*,/, '').replace(/ ?actions=.*/, ''));
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('leads a cookie back to its rule', () => {
    const flow = computeFlows(snapshot).find((f) => f.table === tableNumber('contract') && f.priority > 0);
    expect(ruleIdOf(flow?.cookie ?? 0n)).toBe('abcdef012345');
    expect((flow?.cookie ?? 0n) & (0xffffn << 48n)).toBe(COOKIE_MARK);
  });

  it('lets the host open health-check ports of its endpoints and nothing else', () => {
    const fromHost = text(snapshot).filter((line) => /,table=host-link-state,.*in_port=2/.test(line));
    expect(fromHost).toHaveLength(1);
    expect(fromHost[0]).toMatch(/tp_dst=8080/);
  });
});

describe('endpoints that no flow can be made for', () => {
  const v4 = fc.integer({ min: 2, max: 250 }).map((n) => `10.32.1.${n}`);
  const odd = fc.constantFrom('fd00::7', '::ffff:10.32.1.9', '2001:db8::1', '10.32.1', '10.32.1.256', '010.32.1.7', '');
  const address = fc.oneof(v4, odd);
  const macs = fc.oneof({ weight: 4, arbitrary: fc.constant('02:48:0a:20:00:45') }, { weight: 1, arbitrary: fc.constantFrom('', 'x', '02:48') }); // prettier-ignore
  const epg = fc.constantFrom('acme/shop/web', 'acme/shop/api', 'acme/shop/unknown');
  const mostly = <T>(good: fc.Arbitrary<T>, ...bad: T[]) => fc.oneof({ weight: 6, arbitrary: good }, { weight: 1, arbitrary: fc.constantFrom(...bad) }); // prettier-ignore
  const port = mostly(fc.integer({ min: 3, max: 60_000 }), 0, -1, 1.5, 0xff00, NaN);
  const vlan = mostly(fc.integer({ min: 1, max: 4094 }), 0, -1, 1.5, 4095, NaN);
  const local = fc.record({
    epg, mac: macs, addresses: fc.array(address, { maxLength: 3 }), port,
    linkIndex: fc.option(mostly(fc.integer({ min: 1, max: 16_382 }), 0, -1, 1.5, 16_383), { nil: undefined }), healthPorts: fc.constant([8080]),
    wire: fc.option(fc.record({ vlan: fc.option(vlan, { nil: undefined }), routed: fc.boolean(), hairpin: fc.boolean() }), { nil: undefined }),
    uplink: fc.option(fc.record({ port, vlan }), { nil: undefined }),
  }); // prettier-ignore
  const remote = fc.record({ epg, mac: macs, addresses: fc.array(address, { maxLength: 3 }), underlay: fc.oneof(fc.constant('192.0.2.13'), odd), fabric: fc.boolean() }); // prettier-ignore
  const named = <T>(items: readonly T[], prefix: string) => items.map((e, i) => ({ ...e, id: `${prefix}${i}` }));

  it('get none, and leave every other endpoint with exactly the flows that it has without them', () => {
    const within = (n: number | undefined, most: number): boolean => n === undefined || (Number.isInteger(n) && n > 0 && n <= most); // prettier-ignore
    const isWhole = (e: Omit<LocalEndpoint, 'id'> | Omit<RemoteEndpoint, 'id'>): boolean =>
      e.mac.length === 17 &&
      e.addresses.some((a) => a.startsWith('10.32.1.') && !a.endsWith('.256')) &&
      ('underlay' in e
        ? e.underlay === '192.0.2.13' || e.fabric === true
        : within(e.linkIndex, 16_382) && within(e.wire?.vlan, 4094) && within(e.uplink?.vlan, 4094) &&
          within(e.port, 0xfeff) && within(e.uplink?.port, 0xfeff)); // prettier-ignore
    const withFourOnly = <E extends { readonly addresses: readonly string[] }>(e: E): E => ({
      ...e,
      addresses: e.addresses.filter((a) => a.startsWith('10.32.1.') && !a.endsWith('.256')),
    });
    fc.assert(
      fc.property(fc.array(local, { maxLength: 6 }), fc.array(remote, { maxLength: 6 }), (here, there) => {
        const [locals, remotes] = [named(here, 'l'), named(there, 'r')];
        const mixed = { ...snapshot, local: [...snapshot.local, ...locals], remote: [...snapshot.remote, ...remotes] };
        const clean = {
          ...snapshot,
          local: [...snapshot.local, ...locals.filter(isWhole).map(withFourOnly)],
          remote: [...snapshot.remote, ...remotes.filter(isWhole).map(withFourOnly)],
        };
        expect(text(mixed)).toEqual(text(clean));
        expect(placeEndpoints(clean).unenforceable).toEqual([]);
      }),
    );
  });

  it('are told apart from those whose EPG is not resolved', () => {
    const six = { ...snapshot.remote[0], id: 'six', addresses: ['fd00::7'] } as RemoteEndpoint;
    const far = { ...snapshot.remote[0], id: 'far', underlay: 'fd00::1' } as RemoteEndpoint;
    const nobody = { ...six, id: 'nobody', epg: 'acme/shop/gone' };
    const { unresolved, unenforceable } = placeEndpoints({ ...snapshot, remote: [six, far, nobody] });
    expect([unenforceable.map((e) => e.id), unresolved.map((e) => e.id)]).toEqual([['six', 'far'], ['nobody']]);
  });

  it('is no reason to leave a bridge domain without its other gateways', () => {
    const resolved = new Map(snapshot.resolved);
    resolved.set('bd/acme/default', { type: 'bridge-domain', path: 'acme/default', id: 7, vrf: 1, gateways: ['fd00::1/64', '10.32.0.1/16'] }); // prettier-ignore
    expect(text({ ...snapshot, resolved })).toEqual(text(snapshot));
  });
});

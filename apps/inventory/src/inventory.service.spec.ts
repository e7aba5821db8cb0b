import { systemClock, waitFor } from '@heddle/host';
import { Events, IdentityRecord, MemoryBus, MemoryHub, MemoryStore } from '@heddle/messaging';
import type { EventFact } from '@heddle/model';
import { RpcClient, silentLog, type RunningService } from '@heddle/service';
import { startInventory } from './inventory.module';
import { heartbeatSchema, registrationSchema, reportSchema } from './schemas';
import { container, report, tap } from './testing/objects';

const fact = (over: Partial<EventFact> = {}): EventFact => ({
  at: '2026-01-01T00:00:00Z',
  kind: 'Allocation',
  tenant: 'acme',
  name: 'shop/web-1',
  what: 'started',
  message: 'container started',
  ...over,
});

describe('what hosts tell for the stream of events', () => {
  let store: MemoryStore;
  let hub: MemoryHub;
  let inventory: RunningService;

  beforeAll(async () => {
    store = new MemoryStore();
    hub = new MemoryHub();
    await (await IdentityRecord.open(store)).create();
    const bus = new MemoryBus({ hub, name: 'inventory' });
    inventory = await startInventory({ bus, store, log: silentLog(), clock: systemClock });
    const led = async (): Promise<boolean> =>
      tell('h1', []).then(
        () => true,
        () => false,
      );
    await waitFor(led, { deadlineMs: 10_000, what: 'the inventory to hold its lease' });
  });
  afterAll(() => inventory.stop(1_000));

  const tell = (host: string, events: readonly EventFact[], as = host): Promise<{ accepted: number }> =>
    new RpcClient(new MemoryBus({ hub, name: 'agent', host: as })).call('inventory.events', { host, events });
  const told = async (): Promise<EventFact[]> => (await Events.open(store)).history({}, 100);

  it('is kept in the name of the host that tells it, whatever it says', async () => {
    await expect(tell('h1', [fact({ by: 'host:h2' }), fact({ by: 'admin' }), fact()])).resolves.toEqual({
      accepted: 3,
    });
    expect((await told()).map((f) => f.by)).toEqual(['host:h1', 'host:h1', 'host:h1']);
  });

  it.each([
    ['another host', { kind: 'Host', tenant: '', name: 'h2' }],
    ['an object of people', { kind: 'Contract', name: 'web-to-db' }],
    ['a position in the log', { position: 7 }],
  ])('is refused whole when it is about %s', async (_, over) => {
    const before = (await told()).length;
    await expect(tell('h1', [fact(), fact(over)])).rejects.toMatchObject({ code: 'invalid' });
    expect(await told()).toHaveLength(before);
  });

  it('is taken of the host itself, and of no other host in its name', async () => {
    const lost = fact({ kind: 'Host', tenant: '', name: 'h1', what: 'restarted' });
    await expect(tell('h1', [lost])).resolves.toEqual({ accepted: 1 });
    await expect(tell('h1', [lost], 'h2')).rejects.toMatchObject({ code: 'forbidden' });
  });
});

describe('a registration', () => {
  const spec = (underlay: string) => ({ underlay, capacity: { cpu: 1, memory: 1 } });
  const registration = (underlay: string) => ({
    host: 'h1',
    agentEpoch: 'a',
    spec: spec(underlay),
    labels: {},
    highestClassId: 0,
    blocks: [],
    engineVersion: '1',
    agentVersion: '1',
  });

  it('is refused with an underlay over IPv6, which no tunnel leads to', () => {
    expect(registrationSchema.safeParse(registration('192.0.2.11')).success).toBe(true);
    expect(registrationSchema.safeParse(registration('fd00::11')).error?.issues).toMatchObject([
      { path: ['spec', 'underlay'], message: expect.stringContaining('found "fd00::11"; allowed is an IPv4 address') },
    ]);
  });
});

describe('a heartbeat', () => {
  const heartbeat = (drops?: unknown, more: object = {}) => ({
    ...more,
    host: 'h1',
    agentEpoch: 'a',
    policyPosition: 0,
    workloadPosition: 0,
    highestClassId: 0,
    problems: [],
    usage: { containers: 0, endpoints: 0, flows: 0 },
    ...(drops === undefined ? {} : { drops }),
  });
  const many = Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`reason-${i}`, 1]));

  it.each([
    ['nothing dropped', undefined, true],
    ['packets by reason', { 'no-contract': 7, 'a-later-reason': 0 }, true],
    ['less than nothing', { 'no-contract': -1 }, false],
    ['something else than numbers', { 'no-contract': 'x' }, false],
    ['more reasons than there could be', many, false],
  ])('is judged by what it tells: %s', (_what, drops, allowed) => {
    expect(heartbeatSchema.safeParse(heartbeat(drops)).success).toBe(allowed);
  });

  const counts = { packets: 1, bytes: 1 };
  const sighting = { mac: '0a:00:00:00:00:01', address: '10.32.0.7', port: 'e5', vlan: 20, at: 'now' };
  it.each([
    ['VLANs in force', { encapsulationPosition: 7 }, true],
    ['a position that is none', { encapsulationPosition: -1 }, false],
    ['traffic', { traffic: { 'allocation:acme/shop/web-1': { sent: counts, received: counts } } }, true],
    ['less traffic than none', { traffic: { a: { sent: { packets: -1, bytes: 0 }, received: counts } } }, false],
    ['an uplink that cannot be used', { uplinkProblems: { fabric: 'it is not there' } }, true],
    ['an uplink that has no name', { uplinkProblems: { 'not a name': 'it is not there' } }, false],
    ['sightings', { sightings: [sighting] }, true],
    ['a sighting of no address', { sightings: [{ ...sighting, address: 'x' }] }, false],
    ['more sightings than anybody reads', { sightings: Array(51).fill(sighting) }, false],
  ])('is judged by what it tells of the network: %s', (_what, more, allowed) => {
    expect(heartbeatSchema.safeParse(heartbeat(undefined, more)).success).toBe(allowed);
  });
});

describe('a report', () => {
  const macvlan = { driver: 'macvlan', port: 'hd1', uplink: 'eth1', mode: 'vepa', vlan: 105 } as const;
  const of = (attachment: object, over: object = {}) =>
    report('h1', [{ ...container('h1', 'acme/shop/web', 7), ...over, attachment } as ReturnType<typeof container>]);
  const ovs = { driver: 'ovs', port: 'hd1' };

  it.each<[string, object, string | undefined]>([
    ['a port of the switch', of(ovs), undefined],
    ['a port with a VLAN', of({ ...ovs, vlan: 105 }), undefined],
    ['a child of an uplink', of(macvlan), undefined],
    ['a port with an interface id, and nothing else', report('h1', [tap('h1', 'vm-1')]), undefined],
    ['a mode that there is not', of({ ...macvlan, mode: 'passthru' }), 'attachment.mode'],
    ['a VLAN that there is not', of({ ...ovs, vlan: 4095 }), 'attachment.vlan'],
    ['a driver that there is not', of({ driver: 'static', port: 'x' }), 'attachment.driver'],
    ['a container with an interface id', of({ ...ovs, interfaceId: 'x' }), 'kind'],
    ['a machine without one', of(ovs, { kind: 'vm' }), 'kind'],
    ['a server', of(ovs, { kind: 'baremetal' }), 'kind'],
    ['an endpoint that people wrote', of(ovs, { id: 'endpoint:acme/shop/vm1' }), 'id'],
    ['a container of no EPG', of(ovs, { epg: '' }), 'epg'],
    ['a container without an address', of(ovs, { addresses: [] }), 'addresses'],
    ['an endpoint of another host', of(ovs, { host: 'h2' }), ''],
  ])('may have %s, or is refused whole', (_what, body, refused) => {
    const { error } = reportSchema.safeParse(body);
    const path = error?.issues[0]?.path.filter((part) => typeof part === 'string' && part !== 'endpoints').join('.');
    expect(path).toBe(refused);
  });
});

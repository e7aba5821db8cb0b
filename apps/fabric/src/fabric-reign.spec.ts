import { FakeApic } from '@heddle/fake-apic';
import { waitFor } from '@heddle/host';
import type { HostView } from '@heddle/model';
import { BASE, FabricWorld } from './testing/fabric-world';

const WITHIN = { deadlineMs: 15_000, intervalMs: 10, what: 'it' };
const LEAVES = { kind: 'Fabric', metadata: { name: 'rack' }, spec: { driver: 'ovs-leaf' } };

const leaf = (name: string, policyPosition: number, over: Partial<HostView> = {}): HostView => ({
  name,
  spec: {
    role: 'leaf',
    zone: 'a',
    underlay: '192.0.2.20',
    tunnels: true,
    capacity: { cpu: 1, memory: 1 },
    uplinks: {},
    schedulable: true,
  },
  labels: {},
  domains: [],
  state: 'ready',
  since: '2026-01-01T00:00:00Z',
  reason: '',
  policyPosition,
  workloadPosition: 0,
  problems: [],
  usage: { containers: 0, endpoints: 0, flows: 0 },
  agentVersion: '0',
  highestClassId: 0,
  ...over,
});

describe('FabricReign', () => {
  let world: FabricWorld;
  let apic: FakeApic;

  beforeEach(async () => {
    apic = await FakeApic.start();
    world = await FabricWorld.start();
  });
  afterEach(async () => {
    await world.stop();
    await apic.stop();
  });

  describe('of leaves that Heddle programs', () => {
    it('tells from the leaves what is in force', async () => {
      const position = await world.change(LEAVES);
      world.hosts(leaf('leaf2', position), leaf('leaf1', position - 1), leaf('h1', 0, { spec: { ...leaf('x', 0).spec, role: 'host' } })); // prettier-ignore
      await world.begin();
      const status = await world.until('the leaves', (s) => s.leaves?.length === 2, 'rack');
      expect(status).toEqual({
        fabric: 'rack',
        driver: 'ovs-leaf',
        state: 'changing',
        since: expect.any(String),
        position,
        missing: 1,
        leaves: [
          { name: 'leaf1', state: 'ready', policyPosition: position - 1, inForce: false },
          { name: 'leaf2', state: 'ready', policyPosition: position, inForce: true },
        ],
        conflicts: [],
        problems: [`leaf leaf1 has the policy of position ${position - 1}, not of ${position} yet`],
      });
      world.hosts(leaf('leaf1', position), leaf('leaf2', position + 1));
      await world.until('it to be in force', (s) => s.state === 'in-force' && s.problems.length === 0, 'rack');
      world.hosts(leaf('leaf1', position), leaf('leaf2', position, { state: 'lost' }));
      const lost = await world.until('the loss', (s) => s.state === 'unreachable', 'rack');
      expect(lost.problems).toEqual([`leaf leaf2 is lost; it goes on with the policy of position ${position}`]);
      expect(world.facts.map(({ what, message }) => [what, message])).toEqual([
        ['in-force', 'policy is in force on 2 leaves'],
        ['unreachable', `leaf leaf2 is lost; it goes on with the policy of position ${position}`],
      ]);
      world.hosts();
      const none = await world.until('that there are none', (s) => s.leaves?.length === 0, 'rack');
      expect(none).toMatchObject({ state: 'unreachable', problems: [expect.stringContaining('no host of role leaf')] });
    });

    it('says that nothing is sent, so nothing is to be planned or confirmed', async () => {
      await world.change(LEAVES);
      world.hosts();
      await world.begin();
      await world.until('it', () => true, 'rack');
      await expect(world.reign.plan('rack')).rejects.toMatchObject({ code: 'refused' });
      await expect(world.reign.confirm('rack', 'x')).rejects.toMatchObject({ code: 'conflict' });
    });
  });

  it('knows no other Fabrics than there are', async () => {
    await world.change(LEAVES);
    await world.begin();
    expect(() => world.reign.status('none')).toThrow(expect.objectContaining({ code: 'not-found' }));
    await expect(world.reign.plan('none')).rejects.toMatchObject({ code: 'not-found' });
    await expect(world.reign.confirm('none', 'x')).rejects.toMatchObject({ code: 'not-found' });
  });

  it('asks nothing of an APIC before it knows what is wanted', async () => {
    await world.change(...BASE, world.fabric(apic));
    await world.begin();
    const status = await world.until('it', (s) => s.problems.length > 0);
    expect(status).toMatchObject({
      state: 'changing',
      problems: ['the inventory has not told yet which VLANs EPGs have'],
    });
    expect(apic.first.requests).toEqual([]);
    await expect(world.plan()).rejects.toMatchObject({ code: 'unavailable' });
    world.vlans({ web: 100 });
    await world.inForce();
  });

  it('does not act on a view that is being read anew', async () => {
    await world.change(...BASE, world.fabric(apic));
    world.vlans({ web: 100 });
    await world.begin();
    await world.inForce();
    await world.reign.stop();
    const ownership = await world.ownership.next();
    const whole = ownership.view.entries;
    const view = Object.create(ownership.view, {
      problem: { value: 'the log went back', writable: true },
      entries: { value: new Map(), writable: true },
    });
    const sent = apic.posts.length;
    await world.begin({ view });
    expect(world.reign.status()).toEqual([]);
    view.entries = whole;
    view.problem = undefined;
    await world.inForce();
    expect(apic.posts).toHaveLength(sent);
  });

  it('begins anew with another spec, and ends with the Fabric, on whose controllers everything stays', async () => {
    await world.change(...BASE, world.fabric(apic));
    world.vlans({ web: 100 });
    await world.begin();
    await world.inForce();
    const logins = apic.first.sessions.logins;
    await world.change(world.fabric(apic, { maxDeletions: 7 }));
    await waitFor(() => apic.first.sessions.logins === logins + 1, WITHIN);
    await world.inForce();
    await world.remove('Fabric/aci');
    await waitFor(() => world.reign.status().length === 0 && apic.first.subscriptions.connected === 0, WITHIN);
    expect(apic.get('uni/tn-acme')).toBeDefined();
  });
});

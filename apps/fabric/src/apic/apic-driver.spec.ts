import { FakeApic, type FakeApicOptions } from '@heddle/fake-apic';
import { waitFor } from '@heddle/host';
import { ANNOTATION, BASE, epg, FabricWorld, host } from '../testing/fabric-world';

const WITHIN = { deadlineMs: 15_000, intervalMs: 10, what: 'it' };
const EPG = 'uni/tn-acme/ap-shop/epg-';
const path = (name: string, port = 'eth1/5'): string => `${EPG}${name}/rspathAtt-[topology/pod-1/paths-101/pathep-[${port}]]`; // prettier-ignore
const RECORD = `uni/infra/vlanns-[${ANNOTATION}.record]-static`;

describe('a Fabric of driver apic', () => {
  let apic: FakeApic;
  let world: FabricWorld;

  const start = async (options: FakeApicOptions = {}, fabric: object = {}): Promise<void> => {
    apic = await FakeApic.start({ controllers: 2, ...options });
    world = await FabricWorld.start();
    await world.change(...BASE, world.fabric(apic, fabric));
    world.vlans({ web: 100 });
    world.hosts();
    await world.begin();
  };
  const addApi = async (): Promise<number> => {
    const position = await world.change(epg('api'));
    world.vlans({ web: 100, api: 101 });
    return position;
  };
  afterEach(async () => {
    await world.stop();
    await apic.stop();
  });

  it('is brought to what is wanted, and follows', async () => {
    await start();
    const status = await world.inForce();
    expect(status).toMatchObject({
      driver: 'apic',
      missing: 0,
      controller: apic.first.url,
      objects: apic.marked(ANNOTATION).length - 1,
      conflicts: [],
      problems: [],
    });
    expect(apic.get(path('web'))?.attributes).toMatchObject({ encap: 'vlan-100', mode: 'regular' });
    await world.inForce(await addApi());
    await waitFor(() => apic.get(path('api')), WITHIN);
    await world.inForce(await world.change(host('h2', 'eth1/6')));
    expect(apic.get(path('api', 'eth1/6'))).toBeDefined();
    await world.remove('Epg/acme/shop/api');
    world.vlans({ web: 100 });
    await waitFor(() => !apic.get(`${EPG}api`), WITHIN);
    await world.inForce();
    expect(apic.get(RECORD)?.attributes['descr']).toMatch(/^heddle cluster incarnation 1 position \d+$/);
    // It was brought up once; changes since then are no news.
    expect(world.facts.map(({ what }) => what)).toEqual(['in-force']);
  });

  it('sends nothing when nothing that it holds has changed', async () => {
    await start();
    await world.inForce();
    await world.reign.stop();
    await world.begin();
    await world.inForce();
    const sent = apic.posts.length;
    const asked = apic.first.requests.length;
    const position = await world.change({ kind: 'Tenant', metadata: { name: 'blue' } });
    await world.inForce(position);
    expect(apic.posts).toHaveLength(sent);
    expect(apic.first.requests.slice(asked).filter(({ path }) => path.startsWith('/api/mo/'))).toEqual([]);
  });

  it('tells up to where everything is in force, what was taken away included', async () => {
    await start();
    await waitFor(() => world.toldInForce === 1, WITHIN);
    const position = await world.change(epg('api'));
    world.vlans({ web: 100, api: 101 }, position);
    await waitFor(() => world.toldInForce === position, WITHIN);
    // VLANs that are told later than objects may be those of before.
    const later = await world.change({ kind: 'Tenant', metadata: { name: 'blue' } });
    await world.inForce(later);
    expect(world.toldInForce).toBe(position);
    world.vlans({ web: 100, api: 101 }, later);
    await waitFor(() => world.toldInForce === later, WITHIN);
    // What an APIC still holds that nobody reaches is in force there.
    apic.breakDown(() => ({ status: 503 }));
    const removed = await world.remove('Epg/acme/shop/api');
    world.vlans({ web: 100 }, removed);
    await world.until('it to be away', (s) => s.state === 'unreachable');
    expect(world.toldInForce).toBe(later);
    apic.breakDown();
    await waitFor(() => world.toldInForce === removed, WITHIN);
    expect(apic.get(path('api'))).toBeUndefined();
    // Other controllers may hold other things.
    await world.change(world.fabric(apic, { controllers: ['http://127.0.0.1:1'] }));
    await waitFor(() => world.toldInForce === undefined, WITHIN);
  });

  it('shows what it would send, and why not', async () => {
    await start({}, { maxDeletions: 0 });
    await world.inForce();
    await world.change(epg('web', { isolation: 'enforced' }));
    await waitFor(() => apic.get(`${EPG}web`)?.attributes['pcEnfPref'] === 'enforced', WITHIN);
    apic.breakDown(({ method }) => (method === 'POST' ? { status: 503 } : undefined));
    await world.change(epg('web'));
    await world.change(host('h1', 'eth1/7'));
    expect(await world.plan()).toEqual({
      fabric: 'aci',
      driver: 'apic',
      position: expect.any(Number),
      changes: [
        {
          action: 'create', class: 'fvRsPathAtt', dn: path('web', 'eth1/7'),
          attributes: expect.objectContaining({ encap: { to: 'vlan-100' } }),
        },
        {
          action: 'modify', class: 'fvAEPg', dn: `${EPG}web`,
          attributes: { pcEnfPref: { from: 'enforced', to: 'unenforced' } },
        },
        { action: 'delete', class: 'fvRsPathAtt', dn: path('web') },
      ],
      totals: { create: 1, modify: 1, delete: 1 },
      conflicts: [],
      waiting: { digest: expect.stringMatching(/^[0-9a-f]{16}$/), deletions: 1, reason: expect.stringContaining('1 object would be deleted') },
      problems: [],
    }); // prettier-ignore
  });

  it('puts back what somebody changes, as soon as it is told', async () => {
    await start();
    await world.inForce();
    apic.change(`${EPG}web`, { fvAEPg: { attributes: { pcEnfPref: 'enforced', prio: 'level1' } } });
    await waitFor(() => apic.get(`${EPG}web`)?.attributes['pcEnfPref'] === 'unenforced', WITHIN);
    expect(apic.get(`${EPG}web`)?.attributes['prio']).toBe('level1');
    apic.remove(path('web'));
    await waitFor(() => apic.get(path('web')), WITHIN);
    apic.remove('uni/tn-acme');
    await waitFor(() => apic.get(path('web')), WITHIN);
    await world.inForce();
  });

  describe('deletions', () => {
    it('that are too many wait for a person, who confirms exactly them', async () => {
      await start({}, { maxDeletions: 3 });
      await world.inForce();
      await world.remove('Epg/acme/shop/web');
      world.vlans({});
      const { waiting } = await world.until('deletions to wait', (s) => s.state === 'waiting');
      expect(waiting?.reason).toContain('more than the 3 that are allowed');
      expect(apic.get(`${EPG}web`)).toBeDefined();
      await expect(world.reign.confirm('aci', 'wrong')).rejects.toMatchObject({
        code: 'conflict',
        message: expect.stringContaining(`but ${waiting?.digest}; look at it with "heddle fabric plan aci"`),
      });
      const status = await world.reign.confirm('aci', waiting?.digest ?? '');
      expect(status).toMatchObject({ state: 'in-force', missing: 0 });
      expect(apic.get('uni/tn-acme')).toBeUndefined();
      await expect(world.reign.confirm('aci', waiting?.digest ?? '')).rejects.toMatchObject({
        code: 'conflict',
        message: 'nothing of aci waits for a person',
      });
    });

    it('are not made while it is not known which VLANs EPGs have', async () => {
      await start();
      await world.inForce();
      await addApi();
      await waitFor(() => apic.get(path('api')), WITHIN);
      world.vlans({});
      const { problems } = await world.until('it to be told', (s) => s.problems.length === 2);
      expect(problems[0]).toContain('has no VLAN in Domain lan yet');
      expect(apic.get(path('web'))).toBeDefined();
    });

    it('are not made of what was there before anybody recorded who made it', async () => {
      apic = await FakeApic.start();
      apic.change('uni/tn-old', { fvTenant: { attributes: { annotation: ANNOTATION } } });
      world = await FabricWorld.start();
      await world.change(...BASE, world.fabric(apic));
      world.vlans({ web: 100 });
      world.hosts();
      await world.begin();
      const { waiting } = await world.until('it to wait', (s) => s.state === 'waiting');
      expect(apic.get(path('web'))).toBeDefined();
      await world.reign.confirm('aci', waiting?.digest ?? '');
      expect(apic.get('uni/tn-old')).toBeUndefined();
    });
  });

  describe('of another writer', () => {
    it('is left alone, until a person lets this cluster take over', async () => {
      await start();
      await world.inForce();
      const before = apic.posts.length;
      await world.reign.stop();
      await world.change(epg('api'));
      world.vlans({ web: 100, api: 101 });
      await world.begin({ identity: { clusterUid: 'another', incarnation: 1 } });
      const status = await world.until('it to be refused', (s) => s.state === 'refused');
      expect(status.waiting?.reason).toContain('last written by the cluster cluster');
      expect(apic.posts).toHaveLength(before);
      await world.reign.confirm('aci', status.waiting?.digest ?? '');
      await world.inForce();
      expect(apic.get(path('api'))).toBeDefined();
    });

    it('is left alone by a store that is an older copy, until an operator accepts it', async () => {
      await start();
      await addApi();
      await waitFor(() => apic.get(path('api')), WITHIN);
      await world.inForce();
      const position = Number(/position (\d+)/.exec(apic.get(RECORD)?.attributes['descr'] ?? '')?.[1]);
      await world.reign.stop();
      apic.change(RECORD, {
        fvnsVlanInstP: { attributes: { descr: `heddle cluster incarnation 1 position ${position + 50}` } },
      });
      await world.begin();
      const status = await world.until('it to be refused', (s) => s.state === 'refused');
      expect(status.waiting?.reason).toContain('older copy');
      await world.reign.stop();
      await world.begin({ identity: { clusterUid: 'cluster', incarnation: 2 } });
      await world.inForce();
    });
  });

  it("reports what is somebody else's in the place of ours, and makes the rest", async () => {
    apic = await FakeApic.start();
    apic.change('uni/tn-acme', {
      fvTenant: { attributes: {}, children: [{ fvBD: { attributes: { name: 'default' } } }] },
    });
    world = await FabricWorld.start();
    await world.change(...BASE, world.fabric(apic));
    world.vlans({ web: 100 });
    world.hosts();
    await world.begin();
    const status = await world.until('conflicts', (s) => s.state === 'waiting');
    expect(status.conflicts.map(({ dn }) => dn)).toEqual(['uni/tn-acme/BD-default', `${EPG}web/rsbd`]);
    expect(apic.get('uni/tn-acme/BD-default')?.attributes['annotation']).toBe('');
    expect(apic.get(path('web'))).toBeDefined();
    apic.remove('uni/tn-acme/BD-default');
    // Nobody tells of what is not ours; it is found at the next look.
    await addApi();
    await world.inForce();
  });

  describe('of which something fails', () => {
    it('goes on with the rest when some requests are refused, says so, and tries again', async () => {
      await start();
      await world.inForce();
      apic.breakDown(({ method, path }) =>
        method === 'POST' && path.includes('/tn-acme') ? { status: 503 } : undefined,
      );
      await world.change(epg('web', { isolation: 'enforced' }), {
        kind: 'Domain',
        metadata: { name: 'lan2' },
        spec: { driver: 'macvlan', fabric: 'aci', uplink: 'data', vlans: '300-310' },
      });
      const status = await world.until('a problem', (s) => s.problems.length > 0);
      expect(status).toMatchObject({
        state: 'changing',
        missing: 1,
        problems: [expect.stringMatching(/tn-acme.*503/)],
      });
      expect(apic.get('uni/phys-lan2')).toBeDefined();
      apic.breakDown();
      await world.inForce();
      expect(apic.get(`${EPG}web`)?.attributes['pcEnfPref']).toBe('enforced');
    });

    it('deletes nothing, and overwrites nothing, while part of it cannot be read', async () => {
      await start();
      await world.inForce();
      apic.breakDown(({ method, path }) =>
        method === 'GET' && path === '/api/mo/uni/tn-acme.json' ? { status: 503 } : undefined,
      );
      await world.change(host('h1', 'eth1/8'));
      const status = await world.until('a problem', (s) => s.problems.length > 0);
      expect(status.state).toBe('changing');
      expect([apic.get(path('web')), apic.get(path('web', 'eth1/8'))]).toEqual([expect.anything(), undefined]);
      apic.breakDown();
      await world.inForce();
      expect(apic.get(path('web'))).toBeUndefined();
    });

    it('says what the APIC refuses, and takes it up when it is mended', async () => {
      await start();
      await world.inForce();
      const refuse = { status: 400, text: 'Validation failed: too many EPGs' };
      apic.breakDown(({ method, path }) =>
        method === 'POST' && path.startsWith('/api/mo/uni/tn-') ? refuse : undefined,
      );
      await addApi();
      const refused = 'answered 400, Validation failed: too many EPGs (code 400)';
      await world.until('a problem', (s) => s.problems.some((problem) => problem.includes(refused)));
      apic.breakDown();
      await world.inForce();
      expect(apic.get(path('api'))).toBeDefined();
    });
  });

  describe('while controllers come and go', () => {
    it('goes on with the next one, and reads everything again', async () => {
      await start();
      await world.inForce();
      await apic.first.stop();
      apic.remove(path('web'));
      await waitFor(() => apic.get(path('web')), WITHIN);
      const status = await world.inForce();
      expect(status.controller).toBe(apic.controllers[1]?.url);
    });

    it('says that none can be reached, keeps what it knows, and is back when one is', async () => {
      await start();
      await world.inForce();
      for (const controller of apic.controllers) await controller.stop();
      const status = await world.until('it to be unreachable', (s) => s.state === 'unreachable');
      expect(status.problems[0]).toContain('no controller takes a login');
      apic.remove(path('web'));
      await world.change(epg('web', { isolation: 'enforced' }));
      for (const controller of apic.controllers) await controller.start();
      await waitFor(
        () => apic.get(path('web')) && apic.get(`${EPG}web`)?.attributes['pcEnfPref'] === 'enforced',
        WITHIN,
      );
      await world.inForce();
      expect(world.facts.map(({ what }) => what)).toEqual(['in-force', 'unreachable', 'in-force']);
    });

    it.each<[string, (apic: FakeApic) => void]>([
      ['the web socket breaks', ({ first }) => first.subscriptions.breakSockets()],
      ['subscriptions expire', ({ first }) => first.subscriptions.expireAll()],
      ['the session ends', ({ first }) => first.sessions.expireAll()],
    ])('finds what it was not told of when %s', async (_what, breakIt) => {
      await start();
      await world.inForce();
      for (const { subscriptions } of apic.controllers) subscriptions.silent = true;
      apic.remove(path('web'));
      for (const { subscriptions } of apic.controllers) subscriptions.silent = false;
      breakIt(apic);
      await waitFor(() => apic.get(path('web')), WITHIN);
      await world.inForce();
      await waitFor(() => apic.first.subscriptions.connected === 1, WITHIN);
    });

    it('works without being told of changes, and says so', async () => {
      await start();
      apic.breakDown(({ path }) => (path === '/socket' ? { status: 403 } : undefined));
      await world.reign.stop();
      await world.begin();
      const { problems } = await world.inForce();
      expect(problems).toEqual([expect.stringMatching(/opens no web socket.*until then it is read every/)]);
    });
  });

  describe('with credentials', () => {
    it('that are wrong does not try them again at once, and takes new ones', async () => {
      apic = await FakeApic.start();
      world = await FabricWorld.start({ refusedMs: 300 });
      await world.files.writeAtomic('/etc/heddle/apic', 'wr0ng\n');
      await world.change(...BASE, world.fabric(apic));
      world.vlans({ web: 100 });
      world.hosts();
      await world.begin();
      const status = await world.until('it to be refused', (s) => s.state === 'unreachable');
      expect(status.problems).toEqual([expect.stringContaining('Username or password is incorrect')]);
      expect(JSON.stringify([status, world.facts])).not.toContain('wr0ng');
      expect(apic.first.sessions.logins).toBe(1);
      await world.files.writeAtomic('/etc/heddle/apic', 'secret\n');
      await world.inForce();
    });

    it('that are not there, or are no password, says so and asks nobody', async () => {
      apic = await FakeApic.start();
      world = await FabricWorld.start();
      await world.files.remove('/etc/heddle/apic');
      await world.change(...BASE, world.fabric(apic));
      world.vlans({ web: 100 });
      world.hosts();
      await world.begin();
      await world.until('it to say so', (s) => s.problems[0]?.includes('there is no file /etc/heddle/apic') === true);
      await expect(world.plan()).rejects.toMatchObject({ code: 'unavailable' });
      await world.files.writeAtomic('/etc/heddle/apic', 'root:x:0:0\nbin:x:1:1\n');
      const { problems } = await world.until('it to say so', (s) => s.problems[0]?.includes('is no password') === true);
      expect(problems.join()).not.toContain('root');
      expect(apic.first.requests).toEqual([]);
    });
  });

  it('sends nothing any more when another instance may hold the lease', async () => {
    apic = await FakeApic.start();
    world = await FabricWorld.start();
    await world.change(...BASE, world.fabric(apic));
    world.vlans({ web: 100 });
    world.hosts();
    const ended = {
      isHeld: () => false,
      holder: 'x',
      epoch: 1,
      signal: new AbortController().signal,
      raise: async () => 1,
    };
    await world.begin({ term: ended });
    await world.until('it to notice', (s) => s.problems.some((p) => p.includes('another instance')));
    expect(apic.posts).toEqual([]);
  });
});

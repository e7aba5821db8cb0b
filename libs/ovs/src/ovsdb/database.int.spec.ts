import { existsSync } from 'node:fs';
import { TestOvs } from '../testing/test-ovs';
import { waitFor } from '../testing/wait-for';
import { OvsDatabase } from './database';
import type { DatapathType, PortState } from './view';

const describeRoot = process.getuid?.() === 0 ? describe : describe.skip;
const BRIDGE = 'br0';

describeRoot('bridges and ports of a real switch', () => {
  let ovs: TestOvs;
  let db: OvsDatabase;

  const config = (): Promise<string> =>
    ovs.vsctl('--columns=name,external_ids,other_config,fail_mode', '-f', 'csv', 'list', 'bridge');

  beforeAll(async () => {
    ovs = await TestOvs.start();
    db = await OvsDatabase.connect({ socketPath: ovs.dbSocket });
    await db.ensureBridge({ name: BRIDGE, datapathType: 'netdev', failMode: 'secure' });
    await ovs.addVeth('v1');
  });

  afterAll(async () => {
    await db?.close();
    await ovs?.stop();
  });

  describe('a bridge', () => {
    it('exists with its management socket when the call returns', async () => {
      const spec = {
        name: 'br1',
        datapathType: 'netdev',
        failMode: 'secure',
        protocols: ['OpenFlow14'],
        externalIds: { owner: 'us' },
        otherConfig: { 'mac-aging-time': '300' },
      } as const;
      const bridge = await db.ensureBridge(spec);
      expect(bridge).toEqual({ ...spec });
      expect(existsSync(ovs.bridgeSocket('br1'))).toBe(true);
      expect(await db.listBridges()).toContainEqual(bridge);
    });

    it('is left alone when it is as it should be', async () => {
      const spec = {
        name: 'br1',
        datapathType: 'netdev',
        protocols: ['OpenFlow14'],
        externalIds: { owner: 'us' },
      } as const;
      const before = await ovs.vsctl('get', 'open_vswitch', '.', 'next_cfg');
      await db.ensureBridge(spec);
      expect(await ovs.vsctl('get', 'open_vswitch', '.', 'next_cfg')).toBe(before);
    });

    it('is brought back to what was asked for; what others set stays', async () => {
      await ovs.vsctl(
        'set',
        'bridge',
        'br1',
        'external_ids:other=theirs',
        'external_ids:owner=wrong',
        'fail_mode=standalone',
      );
      const bridge = await db.ensureBridge({
        name: 'br1',
        datapathType: 'netdev',
        failMode: 'secure',
        externalIds: { owner: 'us' },
      });
      expect(bridge).toMatchObject({ failMode: 'secure', externalIds: { owner: 'us', other: 'theirs' } });
      expect(bridge.otherConfig).toEqual({ 'mac-aging-time': '300' });
    });

    it('keeps its datapath type', async () => {
      await expect(db.ensureBridge({ name: 'br1', datapathType: 'system' })).rejects.toMatchObject({
        code: 'conflict',
      });
    });

    it('that the switch cannot run is refused and leaves nothing', async () => {
      const bridge = db.ensureBridge({ name: 'br3', datapathType: 'nonsense' as DatapathType });
      await expect(bridge).rejects.toMatchObject({ code: 'refused', message: expect.stringContaining('nonsense') });
      expect((await db.listBridges()).map(({ name }) => name).sort()).toEqual([BRIDGE, 'br1']);
    });

    it.each(['a-name-of-20-letters', '../br', 'br 1', ''])('cannot be called "%s"', async (name) => {
      await expect(db.ensureBridge({ name, datapathType: 'netdev' })).rejects.toMatchObject({ code: 'invalid' });
      await expect(db.ensurePort({ bridge: BRIDGE, name, type: '' })).rejects.toMatchObject({ code: 'invalid' });
    });

    it('goes, and others stay', async () => {
      await db.deleteBridge('br1');
      await db.deleteBridge('br1');
      expect(existsSync(ovs.bridgeSocket('br1'))).toBe(false);
      expect((await db.listBridges()).map(({ name }) => name)).toEqual([BRIDGE]);
    });
  });

  describe('a port', () => {
    afterEach(async () => {
      for (const { name } of await db.listPorts(BRIDGE)) if (name !== BRIDGE) await db.deletePort(name);
    });

    it('has the port number that was asked for when the call returns', async () => {
      const port = await db.ensurePort({
        bridge: BRIDGE,
        name: 'v1',
        type: '',
        ofportRequest: 42,
        externalIds: { endpoint: 'e1' },
        mtu: 1450,
      });
      expect(port).toMatchObject({ bridge: BRIDGE, name: 'v1', ofport: 42, externalIds: { endpoint: 'e1' } });
      expect(port.mac).toMatch(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/);
      expect(await ovs.exec('ip', 'link', 'show', 'v1')).toContain('mtu 1450');
      await waitFor(
        async () => (await db.listPorts(BRIDGE)).some((p) => p.name === 'v1' && p.linkState === 'up'),
        'the link to be up',
      );
    });

    it('is left alone when it is as it should be', async () => {
      const spec = {
        bridge: BRIDGE,
        name: 'v1',
        type: '',
        ofportRequest: 42,
        externalIds: { a: '1' },
        tag: 7,
      } as const;
      await db.ensurePort(spec);
      const before = await ovs.vsctl('get', 'open_vswitch', '.', 'next_cfg');
      expect(await db.ensurePort(spec)).toMatchObject({ ofport: 42, tag: 7 });
      expect(await ovs.vsctl('get', 'open_vswitch', '.', 'next_cfg')).toBe(before);
    });

    it('takes every type that is used', async () => {
      const tunnel = { key: 'flow', remote_ip: 'flow', dst_port: '4789' };
      const ports = await Promise.all([
        db.ensurePort({ bridge: BRIDGE, name: 'int1', type: 'internal' }),
        db.ensurePort({ bridge: BRIDGE, name: 'tap1', type: 'tap' }),
        db.ensurePort({ bridge: BRIDGE, name: 'vx1', type: 'vxlan', options: tunnel, ofportRequest: 100 }),
      ]);
      expect(ports.map(({ type }) => type)).toEqual(['internal', 'tap', 'vxlan']);
      expect(new Set(ports.map(({ ofport }) => ofport)).size).toBe(3);
      expect(ports[2]).toMatchObject({ ofport: 100, options: tunnel });
    });

    it('is changed where it differs', async () => {
      await db.ensurePort({ bridge: BRIDGE, name: 'vx1', type: 'vxlan', options: { remote_ip: '10.0.0.1' } });
      await ovs.vsctl('set', 'port', 'vx1', 'external_ids:other=theirs');
      const port = await db.ensurePort({
        bridge: BRIDGE,
        name: 'vx1',
        type: 'vxlan',
        options: { remote_ip: 'flow', key: 'flow' },
        externalIds: { a: '1' },
      });
      expect(port).toMatchObject({
        options: { remote_ip: 'flow', key: 'flow' },
        externalIds: { a: '1', other: 'theirs' },
      });
    });

    it('of a device that does not exist fails, says so, and leaves nothing', async () => {
      const before = await config();
      await expect(db.ensurePort({ bridge: BRIDGE, name: 'none', type: '' })).rejects.toMatchObject({
        code: 'not-found',
        message: expect.stringContaining('No such device'),
      });
      expect((await db.listPorts(BRIDGE)).map(({ name }) => name)).toEqual([BRIDGE]);
      expect(await config()).toBe(before);
    });

    it('that the switch has no room for beside another fails', async () => {
      await db.ensurePort({ bridge: BRIDGE, name: 'vx1', type: 'vxlan', options: { remote_ip: 'flow' } });
      const second = db.ensurePort({ bridge: BRIDGE, name: 'vx2', type: 'vxlan', options: { remote_ip: 'flow' } });
      await expect(second).rejects.toMatchObject({ code: 'conflict' });
    });

    it('with a number out of range is refused', async () => {
      const port = db.ensurePort({ bridge: BRIDGE, name: 'v1', type: '', ofportRequest: 70_000 });
      await expect(port).rejects.toMatchObject({ code: 'invalid', message: expect.stringContaining('70000') });
    });

    it('on another bridge stays there', async () => {
      await db.ensureBridge({ name: 'br2', datapathType: 'netdev' });
      await db.ensurePort({ bridge: 'br2', name: 'v1', type: '' });
      await expect(db.ensurePort({ bridge: BRIDGE, name: 'v1', type: '' })).rejects.toMatchObject({ code: 'conflict' });
      await db.deleteBridge('br2');
    });

    it('needs its bridge', async () => {
      const port = db.ensurePort({ bridge: 'nowhere', name: 'v1', type: '' });
      await expect(port).rejects.toMatchObject({ code: 'not-found', message: expect.stringContaining(BRIDGE) });
    });

    it('goes, once or twice', async () => {
      await db.ensurePort({ bridge: BRIDGE, name: 'int1', type: 'internal' });
      await db.deletePort('int1');
      await db.deletePort('int1');
      await expect(ovs.exec('ip', 'link', 'show', 'int1')).rejects.toThrow(/does not exist/);
    });

    it('is asked for by many at once', async () => {
      const names = Array.from({ length: 20 }, (_, index) => `many${index}`);
      const ports = await Promise.all(
        [...names, ...names].map((name) => db.ensurePort({ bridge: BRIDGE, name, type: 'internal' })),
      );
      expect(new Set(ports.map(({ ofport }) => ofport)).size).toBe(20);
      await Promise.all(names.map((name) => db.deletePort(name)));
      expect((await db.listPorts(BRIDGE)).map(({ name }) => name)).toEqual([BRIDGE]);
    });
  });

  it('shows ports as they come, change and go', async () => {
    const views: (readonly PortState[])[] = [];
    const watch = db.watchPorts(BRIDGE, (ports) => views.push(ports));
    const latest = (): PortState | undefined => views.at(-1)?.find(({ name }) => name === 'v1');
    expect(views).toHaveLength(1);
    await db.ensurePort({ bridge: BRIDGE, name: 'v1', type: '' });
    await waitFor(() => latest()?.ofport !== undefined, 'the port');
    await ovs.exec('ip', 'link', 'set', 'v1p', 'down');
    await waitFor(() => latest()?.linkState === 'down', 'the link to be down');
    await db.setExternalIds({ port: 'v1' }, { a: '1' });
    await waitFor(() => latest()?.externalIds['a'] === '1', 'the external id');
    await db.deletePort('v1');
    expect(latest()).toBeUndefined();
    watch.close();
    const count = views.length;
    await db.ensurePort({ bridge: BRIDGE, name: 'v1', type: '' });
    expect(views).toHaveLength(count);
    await db.deletePort('v1');
  });

  it('sets and removes external ids and leaves those of others', async () => {
    await ovs.vsctl('set', 'bridge', BRIDGE, 'external_ids:theirs=x');
    await db.setExternalIds({ bridge: BRIDGE }, { a: '1', b: '2' });
    await db.setExternalIds({ bridge: BRIDGE }, { a: null, b: '3' });
    const bridge = (await db.listBridges()).find(({ name }) => name === BRIDGE);
    expect(bridge?.externalIds).toEqual({ theirs: 'x', b: '3' });
    await expect(db.setExternalIds({ port: 'none' }, { a: '1' })).rejects.toMatchObject({ code: 'not-found' });
  });

  it('fails at the deadline while vswitchd is down, and finds the port when it is back', async () => {
    const spec = { bridge: BRIDGE, name: 'v1', type: '' } as const;
    await ovs.stopDaemon('ovs-vswitchd', 'SIGKILL');
    await expect(db.ensurePort(spec, 300)).rejects.toMatchObject({ code: 'deadline', retryable: true });
    await ovs.startDaemon('ovs-vswitchd');
    expect((await db.ensurePort(spec)).ofport).toBeGreaterThan(0);
    await db.deletePort('v1');
  });

  it('goes on after a restart of the database server', async () => {
    await ovs.restartDaemon('ovsdb-server', 'SIGKILL');
    expect((await db.ensurePort({ bridge: BRIDGE, name: 'v1', type: '' })).ofport).toBeGreaterThan(0);
    await db.deletePort('v1');
  });
});

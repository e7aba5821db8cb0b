import { once } from 'node:events';
import { canonicalFlow, formatFlow, type Action, type Flow, type FlowChange } from '@heddle/pipeline';
import { OvsDatabase } from '../ovsdb/database';
import { METER } from '../testing/flow-catalogue';
import { describeSwitch } from '../testing/switch-contract';
import { TestOvs } from '../testing/test-ovs';
import { waitFor } from '../testing/wait-for';
import { UnixctlClient } from '../unixctl/client';
import { OpenFlowClient } from './client';
import type { PacketIn } from './codec/packets';
import type { PortDescription, PortEvent } from './codec/ports';
import { OpenFlowSwitch } from './openflow-switch';

const describeRoot = process.getuid?.() === 0 ? describe : describe.skip;
const BRIDGE = 'br0';
const MANY = 10_000;
const FRAME = Buffer.from('ffffffffffff02000000000188b5' + '00'.repeat(50), 'hex');
const TO_FIRST_TABLE: Action[] = [{ type: 'resubmit', table: 0 }];

const change = (part: Partial<FlowChange>): FlowChange => ({ add: [], modify: [], remove: [], ...part });
const flow = (priority: number, part: Partial<Flow> = {}): Flow => ({
  table: 0,
  priority,
  cookie: BigInt(priority),
  match: {},
  actions: [],
  ...part,
});
const manyFlows = (count: number): Flow[] =>
  Array.from({ length: count }, (_, index) =>
    flow(100, {
      cookie: BigInt(index),
      match: { eth_type: 0x800n, ip_proto: 6n, reg0: BigInt(index), reg2: 20n, ip_dst: BigInt(index), tcp_dst: 80n },
      actions: [
        { type: 'ct', commit: true, zone: 1 },
        { type: 'goto', table: 6 },
      ],
    }),
  );

describeRoot('a real switch', () => {
  let ovs: TestOvs;
  let database: OvsDatabase;
  let sw: OpenFlowSwitch;

  beforeAll(async () => {
    ovs = await TestOvs.start();
    database = await OvsDatabase.connect({ socketPath: ovs.dbSocket });
    await database.ensureBridge({ name: BRIDGE, datapathType: 'netdev', failMode: 'secure' });
    sw = new OpenFlowSwitch({ socketPath: ovs.bridgeSocket(BRIDGE), meters: [METER] });
  });

  afterAll(async () => {
    await sw?.close();
    await database?.close();
    await ovs?.stop();
  });

  beforeEach(async () => {
    await ovs.ofctl(BRIDGE, 'del-flows');
  });

  describeSwitch(async () => sw);

  it('says which flow was refused and why, and takes none', async () => {
    const bad: Flow = flow(2, { table: 5, actions: [{ type: 'goto', table: 4 }] });
    const failure = sw.apply(change({ add: [flow(1), bad, flow(3)] }));
    await expect(failure).rejects.toMatchObject({
      code: 'refused',
      problems: [{ path: 'add[1]', message: expect.stringContaining(formatFlow(bad)) }],
    });
    expect(await sw.dump()).toEqual([]);
  });

  it('finds the refused flow also when the switch notices only at the commit', async () => {
    const group: Action = { type: 'unknown', kind: 'action', hex: '0016000800000063' }; // group:99, which there is not
    const failure = sw.apply(change({ add: [flow(1), flow(2, { actions: [group] })] }));
    await expect(failure).rejects.toMatchObject({
      code: 'refused',
      problems: [{ path: 'add[1]', message: expect.stringContaining('OFPBAC_BAD_OUT_GROUP') }],
    });
    expect(await sw.dump()).toEqual([]);
  });

  it('gives back what it does not understand, and can remove it', async () => {
    await ovs.ofctl(
      BRIDGE,
      'add-flow',
      'table=9,priority=5,ip,nw_ecn=1 actions=ct(commit,zone=1,nat(src=10.0.0.1)),clear_actions',
    );
    const flows = await sw.dump();
    expect(flows).toMatchObject([
      {
        unknownMatch: ['8000120101'],
        actions: [
          { type: 'ct', commit: true, zone: 1, exec: [{ type: 'unknown', kind: 'action' }] },
          { type: 'unknown', kind: 'instruction', hex: '0005000800000000' },
        ],
      },
    ]);
    await sw.apply(change({ remove: flows }));
    expect(await sw.dump()).toEqual([]);
    await sw.apply(change({ add: flows }));
    expect((await sw.dump()).map(canonicalFlow)).toEqual(flows.map(canonicalFlow));
  });

  it('keeps the counters of a flow that is modified', async () => {
    const unixctl = new UnixctlClient({ rundir: ovs.rundir });
    await sw.apply(change({ add: [flow(7)] }));
    await sw.client.packetOut({
      inPort: 'local',
      actions: [{ type: 'resubmit', table: 0 }],
      data: Buffer.alloc(60, 1),
    });
    await unixctl.purgeRevalidator();
    await unixctl.close();
    await waitFor(async () => (await sw.dump())[0]?.packets === 1n, 'the packet to be counted');
    await sw.apply(change({ modify: [flow(7, { cookie: 99n, actions: [{ type: 'goto', table: 1 }] })] }));
    expect(await sw.dump()).toMatchObject([{ cookie: 99n, packets: 1n }]);
  });

  it('lets a flow with a hard time-out live on when it is modified in time', async () => {
    const short = flow(8, { hardTimeout: 2 });
    await sw.apply(change({ add: [short] }));
    const end = performance.now() + 3_000;
    await waitFor(async () => {
      await sw.apply(change({ modify: [short] }));
      expect(await sw.dump()).toHaveLength(1);
      return performance.now() > end;
    }, 'the time in which it would have expired');
    await waitFor(async () => (await sw.dump()).length === 0, 'the flow to expire');
  });

  it('takes and reads back a large table', async () => {
    const flows = manyFlows(MANY);
    await sw.apply(change({ add: flows }));
    const dumped = await sw.dump();
    expect(dumped).toHaveLength(MANY);
    expect(new Set(dumped.map(({ cookie }) => cookie)).size).toBe(MANY);
    await sw.apply(change({ remove: dumped }));
    expect(await sw.dump()).toEqual([]);
  });

  it('makes changes in the order in which they were asked for', async () => {
    const changes = Array.from({ length: 20 }, (_, index) => change({ modify: [flow(9, { cookie: BigInt(index) })] }));
    await Promise.all(changes.map((one) => sw.apply(one)));
    expect(await sw.dump()).toMatchObject([{ cookie: 19n }]);
  });

  it('goes on after a change that failed', async () => {
    const refused = sw.apply(change({ add: [flow(1, { table: 5, actions: [{ type: 'goto', table: 4 }] })] }));
    const taken = sw.apply(change({ add: [flow(1)] }));
    await expect(refused).rejects.toMatchObject({ code: 'refused' });
    await taken;
    expect(await sw.dump()).toHaveLength(1);
  });

  it('reports ports that come and go', async () => {
    const seen: string[] = [];
    const listener = (event: PortEvent, { name, number }: PortDescription): void =>
      void seen.push(`${event} ${name} ${number}`);
    sw.client.on('portStatus', listener);
    await ovs.addVeth('v1');
    const { ofport, mac } = await database.ensurePort({ bridge: BRIDGE, name: 'v1', type: '', ofportRequest: 11 });
    expect(ofport).toBe(11);
    await waitFor(() => seen.includes('added v1 11'), 'the port to be reported');
    expect(await sw.client.dumpPorts()).toContainEqual({
      number: 11,
      name: 'v1',
      mac,
      adminDown: false,
      linkDown: false,
    });
    expect((await sw.client.dumpPortCounters()).map(({ number }) => number)).toContain(11);
    await database.deletePort('v1');
    await waitFor(() => seen.includes('deleted v1 11'), 'the port to be reported as gone');
    sw.client.off('portStatus', listener);
  });

  it('delivers packets to the controller only to who asked for them', async () => {
    const listening = new OpenFlowSwitch({ socketPath: ovs.bridgeSocket(BRIDGE), packetIns: true });
    try {
      const [unasked, arrived]: PacketIn[][] = [[], []];
      const stop = sw.onPacketIn((packet) => unasked?.push(packet));
      listening.onPacketIn((packet) => arrived?.push(packet));
      const controller = flow(1, { cookie: 77n, actions: [{ type: 'output', port: 'controller' }] });
      await sw.apply(change({ add: [controller] }));
      await listening.packetOut({ inPort: 'local', actions: TO_FIRST_TABLE, data: FRAME });
      await waitFor(() => arrived?.length === 1, 'the packet');
      expect(arrived).toMatchObject([
        { inPort: 0xfffffffe, table: 0, cookie: 77n, match: { in_port: 0xfffffffen }, data: FRAME },
      ]);
      await sw.client.barrier();
      expect(unasked).toEqual([]);
      stop();
    } finally {
      await listening.close();
    }
  });

  it('delivers no more packets than their meter lets pass', async () => {
    const listening = new OpenFlowSwitch({ socketPath: ovs.bridgeSocket(BRIDGE), packetIns: true });
    try {
      const arrived: PacketIn[] = [];
      listening.onPacketIn((packet) => arrived.push(packet));
      const limited: Action[] = [
        { type: 'meter', meter: METER.id },
        { type: 'output', port: 'controller' },
      ];
      await sw.apply(change({ add: [flow(1, { actions: limited })] }));
      const sent = 10 * METER.burst;
      const packet = { inPort: 'local', actions: TO_FIRST_TABLE, data: FRAME } as const;
      const started = performance.now();
      for (let n = 0; n < sent; n++) await listening.packetOut(packet);
      await listening.client.barrier();
      await waitFor(() => arrived.length > 0, 'the first packets');
      const seconds = (performance.now() - started) / 1000;
      expect(arrived.length).toBeLessThanOrEqual(METER.burst + Math.ceil(seconds * METER.packetsPerSecond) + 1);
      expect(arrived.length).toBeLessThan(sent);
    } finally {
      await listening.close();
    }
  });

  it('has its meters also after it was connected again, with the rates of now', async () => {
    expect([...sw.meters]).toEqual([METER.id]);
    const slower = new OpenFlowSwitch({
      socketPath: ovs.bridgeSocket(BRIDGE),
      meters: [{ ...METER, packetsPerSecond: 3 }],
    });
    try {
      await slower.client.connect();
      expect([...slower.meters]).toEqual([METER.id]);
      expect(await ovs.ofctl(BRIDGE, 'dump-meters')).toMatch(/rate=3 burst_size=20/);
    } finally {
      await slower.close();
    }
  });

  it('does not say that it has a meter which the switch refused', async () => {
    const none = { id: 0xffff_0001, packetsPerSecond: 1, burst: 1 };
    const other = new OpenFlowSwitch({ socketPath: ovs.bridgeSocket(BRIDGE), meters: [none] });
    try {
      await other.client.connect();
      expect(other.meters.size).toBe(0);
      const flows = [flow(1, { actions: [{ type: 'meter', meter: 99 }] })];
      await expect(other.apply(change({ add: flows }))).rejects.toMatchObject({ code: 'refused' });
    } finally {
      await other.close();
    }
  });

  it('refuses a packet that the switch cannot send', async () => {
    const packet = { inPort: 'normal', actions: [], data: Buffer.alloc(60) } as const;
    await expect(sw.client.packetOut(packet)).rejects.toMatchObject({ code: 'refused' });
  });

  it('says who it talks to', async () => {
    await sw.client.echo();
    const [id] = (await ovs.vsctl('get', 'bridge', BRIDGE, 'datapath_id')).match(/[0-9a-f]{16}/) ?? [];
    expect(sw.client.features?.datapathId).toBe(BigInt(`0x${id}`));
  });

  it('comes back after vswitchd was killed, and says so', async () => {
    await sw.apply(change({ add: [flow(1)] }));
    const seen: string[] = [];
    const stop = [sw.onConnected(() => seen.push('connected')), sw.onDisconnected(() => seen.push('disconnected'))];
    await ovs.restartDaemon('ovs-vswitchd', 'SIGKILL');
    await waitFor(() => seen.length === 3, 'the switch to be connected again');
    stop.forEach((end) => end());
    expect(seen).toEqual(['connected', 'disconnected', 'connected']);
    expect(await sw.dump()).toEqual([]);
    await sw.apply(change({ add: [flow(1, { actions: [{ type: 'meter', meter: METER.id }] })] }));
    expect(await sw.dump()).toHaveLength(1);
  });

  it('waits for the switch within the deadline of a request', async () => {
    await ovs.stopDaemon('ovs-vswitchd');
    await expect(sw.dump({}, 200)).rejects.toMatchObject({ code: 'unavailable', retryable: true });
    const later = sw.dump({}, 10_000);
    await ovs.startDaemon('ovs-vswitchd');
    expect(await later).toEqual([]);
  });

  it('does not wait for ever for a switch that hangs, and finds it whole afterwards', async () => {
    await sw.dump();
    ovs.pauseDaemon('ovs-vswitchd');
    try {
      await expect(sw.apply(change({ add: manyFlows(2_000) }), 300)).rejects.toMatchObject({ code: 'deadline' });
      await expect(sw.dump({}, 200)).rejects.toMatchObject({ code: 'deadline' });
    } finally {
      ovs.resumeDaemon('ovs-vswitchd');
    }
    await sw.apply(change({ add: [flow(1)] }));
    expect(await sw.dump()).toHaveLength(1);
  });

  it('gives up a switch that is silent for too long', async () => {
    const impatient = new OpenFlowClient({ socketPath: ovs.bridgeSocket(BRIDGE), probeIntervalMs: 100 });
    try {
      await impatient.connect();
      const lost = once(impatient, 'disconnected');
      ovs.pauseDaemon('ovs-vswitchd');
      expect(String((await lost)[0])).toContain('did not answer');
    } finally {
      ovs.resumeDaemon('ovs-vswitchd');
      await impatient.close();
    }
  });

  it('says what to do when the bridge does not speak OpenFlow 1.4', async () => {
    await database.ensureBridge({ name: 'old', datapathType: 'netdev', protocols: ['OpenFlow10', 'OpenFlow13'] });
    const client = new OpenFlowClient({ socketPath: ovs.bridgeSocket('old') });
    try {
      await expect(client.connect(500)).rejects.toThrow(/OpenFlow14/);
    } finally {
      await client.close();
      await database.deleteBridge('old');
    }
  });

  it('ends what waits when it is closed', async () => {
    const client = new OpenFlowClient({ socketPath: ovs.bridgeSocket('nowhere') });
    const waiting = client.dumpFlows({}, 60_000);
    await Promise.all([
      expect(waiting).rejects.toMatchObject({ code: 'unavailable', retryable: false }),
      client.close(),
    ]);
  });
});

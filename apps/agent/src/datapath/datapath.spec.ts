import { FakeClock } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import { FakeSwitch } from '@heddle/ovs';
import { computeFlows, dropCookie, isOurs, type Flow, type LocalEndpoint } from '@heddle/pipeline';
import { remoteEndpoint } from '../agent/host-snapshot';
import { acceptedPolicy, distributed, POLICY } from '../testing/parts';
import { Datapath, type DatapathInputs, type DatapathState } from './datapath';

const local = (id: string, port: number, address: string, epg = 'acme/shop/web'): LocalEndpoint => ({
  id,
  epg,
  mac: '02:48:0a:20:00:05',
  addresses: [address],
  port,
  linkIndex: port,
  healthPorts: [],
});
const A = local('a', 5, '10.32.0.5');
const C = remoteEndpoint(distributed('c'), new Set());
const B = local('b', 6, '10.32.0.6');

function inputs(change: Partial<DatapathInputs> = {}): DatapathInputs {
  return {
    policyPosition: 3,
    resolved: new Map(Object.entries(acceptedPolicy(POLICY).entries)),
    remote: [C],
    local: [A],
    ports: { tunnel: 1, hostLink: { port: 2, mac: '02:00:00:00:00:aa' } },
    ...change,
  };
}

/** A flow of somebody else, in a table of ours. */
const FOREIGN: Flow = { table: 0, priority: 7, cookie: 0x1234n, match: { in_port: 99n }, actions: [] };

describe('Datapath', () => {
  function setUp(bridge = new FakeSwitch()) {
    const clock = new FakeClock();
    const states: DatapathState[] = [];
    const errors: string[] = [];
    const datapath = new Datapath(bridge, {
      clock,
      onState: (state) => states.push(state),
      onError: (error) => errors.push(error.message),
    });
    return { bridge, clock, states, errors, datapath };
  }
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  const ours = async (bridge: FakeSwitch) => (await bridge.dump()).filter((flow) => isOurs(flow.cookie));

  it('puts every flow on the switch and says what is in force', async () => {
    const { bridge, datapath } = setUp();
    datapath.update(inputs());
    await settled();
    const { resolved, ports } = inputs();
    const expected = computeFlows({ resolved, ports, local: [A], remote: [C] });
    expect(await ours(bridge)).toHaveLength(expected.length);
    expect(datapath.current).toEqual({
      policyPosition: 3,
      flows: expected.length,
      inForce: new Map([['a', 5]]),
    });
    await datapath.close();
  });

  it('goes on with all others when there is one that no flow can be made for', async () => {
    const { bridge, datapath, errors } = setUp();
    datapath.update(inputs());
    await settled();
    const six = remoteEndpoint(distributed('six', { addresses: ['fd00::7'], underlay: 'fd00::1' }), new Set());
    // The policy without its rule: a revocation.
    const resolved = new Map([...inputs().resolved].filter(([key]) => !key.startsWith('rule/')));
    datapath.update(inputs({ policyPosition: 4, remote: [C, six], resolved, local: [A, B] }));
    await settled();
    expect(errors).toEqual([]);
    expect(datapath.current).toMatchObject({ policyPosition: 4, inForce: new Map([['a', 5], ['b', 6]]) }); // prettier-ignore
    const { ports } = inputs();
    const expected = computeFlows({ resolved, ports, local: [A, B], remote: [C] });
    expect(await ours(bridge)).toHaveLength(expected.length);
    await datapath.close();
  });

  it('changes only what is different', async () => {
    const { bridge, datapath } = setUp();
    datapath.update(inputs());
    await settled();
    datapath.update(inputs({ local: [A, B] }));
    await settled();
    expect(bridge.applied).toHaveLength(2);
    const [, second] = bridge.applied;
    expect(second?.remove).toEqual([]);
    expect(second?.modify).toEqual([]);
    expect(second?.add.length).toBeGreaterThan(0);
    expect(JSON.stringify(second?.add, (_, v) => (typeof v === 'bigint' ? `${v}` : v))).toContain('"in_port":"6"');
    datapath.update(inputs({ local: [A] }));
    await settled();
    expect(bridge.applied[2]).toMatchObject({ add: [], modify: [], remove: expect.anything() });
    expect(bridge.applied[2]?.remove).toHaveLength(second?.add.length as number);
    await datapath.close();
  });

  it('writes nothing when nothing changed, but says at which position the policy is now', async () => {
    const { bridge, datapath } = setUp();
    datapath.update(inputs());
    await settled();
    datapath.update(inputs({ policyPosition: 4 }));
    await settled();
    expect(bridge.applied).toHaveLength(1);
    expect(datapath.current.policyPosition).toBe(4);
    await datapath.close();
  });

  it('joins what changes while a change is under way', async () => {
    const { bridge, datapath } = setUp();
    for (let position = 1; position <= 20; position++)
      datapath.update(inputs({ policyPosition: position, local: position % 2 ? [A] : [A, B] }));
    await settled();
    expect(bridge.applied.length).toBeLessThanOrEqual(2);
    expect(datapath.current).toMatchObject({ policyPosition: 20, inForce: new Map([['a', 5], ['b', 6]]) }); // prettier-ignore
    await datapath.close();
  });

  it('leaves flows of others alone', async () => {
    const { bridge, datapath } = setUp();
    await bridge.apply({ add: [FOREIGN], modify: [], remove: [] });
    datapath.update(inputs());
    await settled();
    datapath.update(inputs({ local: [], resolved: new Map() }));
    await settled();
    expect((await bridge.dump()).filter((flow) => !isOurs(flow.cookie))).toMatchObject([FOREIGN]);
    await datapath.close();
  });

  it("counts the host as not in order while another program's flow is in the place of one of ours", async () => {
    const { bridge, clock, datapath, errors } = setUp();
    const intruder: Flow = { table: 0, priority: 0, cookie: 1n, match: {}, actions: [{ type: 'output', port: 9 }] };
    await bridge.apply({ add: [intruder], modify: [], remove: [] });
    datapath.update(inputs());
    await settled();
    expect(datapath.current.problem).toMatch(/another program's flow.*ovs-ofctl/);
    await clock.advance(5_000);
    expect(errors).toHaveLength(1);
    await bridge.apply({ add: [], modify: [], remove: [intruder] });
    await clock.advance(500);
    expect(datapath.current.problem).toBeUndefined();
    expect((await bridge.dump()).some((flow) => flow.cookie === dropCookie('unknown-port'))).toBe(true);
    await datapath.close();
  });

  it('keeps at start what is right, adds what is missing and removes what is too much', async () => {
    const { bridge, datapath } = setUp();
    datapath.update(inputs({ local: [A] }));
    await settled();
    await datapath.close();
    const before = bridge.applied.length;
    const next = setUp(bridge).datapath;
    next.update(inputs({ local: [B] }));
    await settled();
    const changes = bridge.applied.slice(before);
    expect(changes).toHaveLength(1);
    expect(changes[0]?.add.length).toBe(changes[0]?.remove.length);
    expect(changes[0]?.add.length).toBeLessThan(20);
    await next.close();
  });

  it('puts back what the switch lost when it was restarted', async () => {
    const { bridge, datapath } = setUp();
    datapath.update(inputs());
    await settled();
    bridge.restart();
    await settled();
    expect(await ours(bridge)).toHaveLength(datapath.current.flows);
    expect(datapath.current.problem).toBeUndefined();
    await datapath.close();
  });

  it('does not believe an apply that the switch forgot before it was over', async () => {
    const { bridge, datapath } = setUp();
    const apply = bridge.apply.bind(bridge);
    let restarted = false;
    bridge.apply = async (change) => {
      await apply(change);
      if (restarted) return;
      restarted = true;
      bridge.restart();
    };
    datapath.update(inputs());
    await settled();
    await settled();
    expect((await ours(bridge)).length).toBeGreaterThan(0);
    expect(await ours(bridge)).toHaveLength(datapath.current.flows);
    await datapath.close();
  });

  it('says that the switch is away, waits for it without trying, and goes on when it is back', async () => {
    const { bridge, clock, datapath, errors } = setUp();
    datapath.update(inputs());
    await settled();
    bridge.disconnect();
    expect(datapath.current.problem).toMatch(/the switch is away/);
    datapath.update(inputs({ local: [A, B] }));
    await clock.advance(60_000);
    expect(errors.length).toBeLessThanOrEqual(1);
    expect(clock.pendingTimers).toBe(0);
    bridge.connect();
    await settled();
    expect(datapath.current).toMatchObject({ inForce: new Map([['a', 5], ['b', 6]]) }); // prettier-ignore
    expect(datapath.current.problem).toBeUndefined();
    await datapath.close();
  });

  it('tries again after a refusal, tells it once, and keeps the last position until then', async () => {
    const { bridge, clock, datapath, errors } = setUp();
    datapath.update(inputs());
    await settled();
    for (let i = 0; i < 3; i++) bridge.failNext(new HeddleError('refused', 'table full'));
    datapath.update(inputs({ policyPosition: 4, local: [A, B] }));
    await settled();
    expect(datapath.current).toMatchObject({
      policyPosition: 3,
      problem: 'the flows could not be written: table full',
    });
    await clock.advance(1_500);
    expect(errors).toEqual(['table full']);
    expect(datapath.current).toMatchObject({ policyPosition: 4, inForce: new Map([['a', 5], ['b', 6]]) }); // prettier-ignore
    expect(datapath.current.problem).toBeUndefined();
    await datapath.close();
  });

  it('repairs what somebody else took away when it is told to look', async () => {
    const { bridge, datapath } = setUp();
    datapath.update(inputs());
    await settled();
    const flows = await ours(bridge);
    await bridge.apply({ add: [], modify: [], remove: flows.slice(0, 10) });
    datapath.resynchronise();
    await settled();
    expect(await ours(bridge)).toHaveLength(flows.length);
    await datapath.close();
  });

  it('takes an endpoint that is attached here for a local one, whatever the map says', async () => {
    const { datapath } = setUp();
    datapath.update(inputs({ remote: [remoteEndpoint(distributed('a', { addresses: ['10.32.0.5'] }), new Set())] }));
    await settled();
    expect(datapath.current.inForce.get('a')).toBe(5);
    expect(datapath.current.problem).toBeUndefined();
    await datapath.close();
  });

  it('has no flows, and does not claim to have any, for an endpoint whose EPG is not resolved', async () => {
    const { bridge, datapath } = setUp();
    datapath.update(inputs({ local: [local('x', 7, '10.32.0.7', 'acme/shop/none')] }));
    await settled();
    expect(datapath.current.inForce.size).toBe(0);
    expect((await bridge.dump()).some((flow) => flow.match.in_port === 7n)).toBe(false);
    await datapath.close();
  });

  describe('whenState', () => {
    it('resolves at once, or when the state comes', async () => {
      const { datapath } = setUp();
      const waiting = datapath.whenState((state) => state.inForce.has('a'), 'a', 1_000);
      datapath.update(inputs());
      await waiting;
      await datapath.whenState((state) => state.inForce.has('a'), 'a', 1_000);
      await datapath.close();
    });

    it('gives up at the deadline, with what stands in the way', async () => {
      const { bridge, clock, datapath } = setUp();
      bridge.failNext(new HeddleError('refused', 'table full'));
      datapath.update(inputs());
      const waiting = expect(
        datapath.whenState(() => false, 'the flows of a could not be brought into force', 100),
      ).rejects.toMatchObject({
        code: 'deadline',
        message:
          'the flows of a could not be brought into force within 100 ms: the flows could not be written: table full',
      });
      await clock.advance(100);
      await waiting;
      await datapath.close();
    });

    it('ends when the datapath is closed', async () => {
      const { clock, datapath } = setUp();
      const waiting = expect(datapath.whenState(() => false, 'a', 60_000)).rejects.toMatchObject({
        code: 'unavailable',
      });
      await datapath.close();
      await waiting;
      expect(clock.pendingTimers).toBe(0);
    });
  });

  it('does nothing any more once it is closed', async () => {
    const { bridge, clock, datapath } = setUp();
    await datapath.close();
    datapath.update(inputs());
    bridge.restart();
    await clock.advance(10_000);
    expect(bridge.applied).toEqual([]);
  });
});

import { admit, applyChange, type State } from '@heddle/admission';
import { systemClock, waitFor } from '@heddle/host';
import {
  ChangeLogWriter,
  IdentityRecord,
  ManualTerm,
  MemoryBus,
  MemoryHub,
  MemoryStore,
  subjects,
  type BusRequest,
} from '@heddle/messaging';
import type { AnyObject, Change, ChangeRequest, HostRegistration, HostSpec, HostView } from '@heddle/model';
import { RpcClient, silentLog, type RunningService } from '@heddle/service';
import { startInventory } from './inventory.module';
import { entriesOf, host } from './testing/objects';

const WITHIN = { deadlineMs: 10_000, what: 'the inventory' };

describe('a host that registers', () => {
  let inventory: RunningService;
  let hub: MemoryHub;
  let writer: ChangeLogWriter<Change>;
  let state: State;
  let admitted: Change[];
  let failure: Error | undefined;

  beforeEach(async () => {
    const store = new MemoryStore();
    hub = new MemoryHub();
    state = entriesOf(host('leaf1', '192.0.2.101', ', role: leaf'));
    admitted = [];
    failure = undefined;
    await (await IdentityRecord.open(store)).create();
    writer = await ChangeLogWriter.openWriter<Change>({ store, term: new ManualTerm(1, 'test') });
    const gateway = new MemoryBus({ hub, name: 'gateway' });
    gateway.serve(subjects.rpc('gateway', 'admit'), { queue: 'gateway' }, (request: BusRequest) => coordinate(request));
    inventory = await startInventory({
      bus: new MemoryBus({ hub, name: 'inventory' }),
      store,
      log: silentLog(),
      clock: systemClock,
    });
    await waitFor(() => hosts().then(() => true, () => false), WITHIN); // prettier-ignore
  });
  afterEach(async () => {
    writer.close();
    await inventory.stop(1_000);
  });

  /** The coordinator, as far as a host's registration sees it. */
  async function coordinate({ body, context }: BusRequest): Promise<{ position: number }> {
    if (failure) throw failure;
    const { verb, puts } = body as ChangeRequest;
    const change = admit(
      state,
      { verb, puts: puts as AnyObject[], deletes: [] },
      {
        by: { principal: context.principal },
        at: '2026-01-01T00:00:00Z',
        changeId: `c${admitted.length}`,
        position: writer.nextPosition,
        newUid: (key) => key,
      },
    );
    state = applyChange(state, change);
    admitted.push(change);
    return writer.append(change);
  }
  const rpc = (as?: string): RpcClient =>
    new RpcClient(new MemoryBus({ hub, name: 'x', ...(as === undefined ? {} : { host: as }) }));
  const hosts = (): Promise<HostView[]> => rpc().call('inventory.hosts', {});
  const spec = (over: Partial<HostSpec> = {}): HostSpec => ({
    role: 'host',
    zone: 'a',
    underlay: '192.0.2.11',
    tunnels: true,
    capacity: { cpu: 1, memory: 1 },
    uplinks: { fabric: { interface: 'eth1', leaf: 'leaf1', port: 'p1' } },
    schedulable: true,
    ...over,
  });
  const register = (name: string, over: Partial<HostSpec> = {}) => {
    const registration: HostRegistration = {
      host: name,
      agentEpoch: 'a',
      spec: spec(over),
      labels: { disk: 'ssd' },
      highestClassId: 0,
      blocks: [],
      engineVersion: '1',
      agentVersion: '1',
    };
    return rpc(name).call('inventory.register', registration);
  };
  const written = (name: string): HostSpec => (state.get(`Host/${name}`) as { spec: HostSpec }).spec;

  it('is made an object of, in its own name', async () => {
    await register('h1');
    expect(admitted).toMatchObject([{ by: { principal: 'host:h1' }, objects: [{ key: 'Host/h1' }] }]);
    expect(written('h1')).toEqual(spec());
    expect((await hosts()).map((h) => h.name)).toEqual(['h1']);
    await register('h1');
    expect(admitted).toHaveLength(1);
  });

  it('says what it knows best, and leaves alone what people wrote', async () => {
    await register('h1');
    const known = state.get('Host/h1') as AnyObject & { spec: HostSpec };
    const people = { zone: 'b', domains: [], schedulable: false };
    await coordinate({
      body: { verb: 'put', puts: [{ ...known, spec: { ...known.spec, ...people } }], deletes: [] },
      context: { principal: 'olga' },
    } as unknown as BusRequest);
    const facts = {
      role: 'leaf' as const,
      tunnels: false,
      underlay: '192.0.2.12',
      capacity: { cpu: 2, memory: 2 },
      uplinks: { other: { interface: 'eth9' } },
    };
    await register('h1', facts);
    expect(written('h1')).toEqual({ ...spec(facts), ...people });
  });

  it('goes on as it was when what it says of itself is refused, and says so', async () => {
    await register('h1');
    await register('h2', { uplinks: { fabric: { interface: 'eth1', leaf: 'leaf1', port: 'p2' } } });
    await expect(register('h2', spec())).resolves.toMatchObject({ blocks: [] });
    expect(written('h2').uplinks).toEqual({ fabric: { interface: 'eth1', leaf: 'leaf1', port: 'p2' } });
    const problems = async (): Promise<readonly string[]> =>
      (await hosts()).find((h) => h.name === 'h2')?.problems ?? [];
    expect(await problems()).toEqual([
      expect.stringMatching(
        /^what it says of itself was refused, and it goes on as it was: .* where an uplink of host h1 ends/,
      ),
    ]);
    await register('h2', { uplinks: {} });
    expect(await problems()).toEqual([]);
  });

  it('is not taken when it is new and refused, or when nobody can judge it', async () => {
    await register('h1');
    await expect(register('h2', spec())).rejects.toMatchObject({ code: 'invalid' });
    failure = Object.assign(new Error('nobody coordinates'), { code: 'unavailable' });
    await expect(register('h1', { tunnels: false })).rejects.toThrow();
    expect((await hosts()).map((h) => h.name)).toEqual(['h1']);
  });
});

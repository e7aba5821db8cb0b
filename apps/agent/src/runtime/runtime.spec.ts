import { FakeEngine } from '@heddle/docker';
import { FakeClock } from '@heddle/host';
import { HeddleError, type HeddleObject } from '@heddle/model';
import { LABEL } from './labels';
import type { Placement } from './ports';
import { Runtime, type RememberedInstance } from './runtime';

type Allocation = HeddleObject<'Allocation'>;

const PATH = 'acme/shop/web-1';
const UNAVAILABLE = new HeddleError('unavailable', 'no engine answers at /run/docker.sock; start the engine');

function allocation(over: { desired?: 'run' | 'stop' } = {}): Allocation {
  return {
    apiVersion: 'heddle/v1',
    kind: 'Allocation',
    metadata: { tenant: 'acme', application: 'shop', name: 'web-1', uid: 'u1', labels: {}, annotations: {} },
    spec: {
      service: 'web',
      serviceUid: 's1',
      templateHash: 't1',
      index: 0,
      host: 'h1',
      epg: 'web',
      desired: over.desired ?? 'run',
      template: {
        image: 'heddle/demo',
        env: {},
        ports: {},
        resources: { cpu: 0.1, memory: 64 * 1024 ** 2, pids: 64 },
        stopGraceSeconds: 1,
      },
    },
  };
}

/** A runtime on an engine that outlives it, as the real one does. */
class World {
  readonly clock = new FakeClock();
  readonly engine = new FakeEngine({
    images: ['heddle/demo'],
    fileRoots: ['/var/lib/heddle'],
    now: () => new Date(this.clock.now()),
  });
  readonly released: string[] = [];
  readonly reported: string[] = [];
  attachProblem: string | undefined;
  runtime = this.start({});

  start(remembered: Readonly<Record<string, RememberedInstance>>): Runtime {
    const placement: Placement = {
      unavailable: () => this.attachProblem,
      bridgeDomainOf: () => ({ path: 'acme/default', gateways: ['10.32.0.1/16'] }),
      reserve: async () => ({ address: '10.32.0.2', mac: '02:48:0a:20:00:02', gateway: '10.32.0.1/16' }),
      release: async (owner) => void this.released.push(owner),
      resolvConf: async () => '/var/lib/heddle/resolv/acme.shop.conf',
    };
    const runtime: Runtime = new Runtime({
      host: 'h1',
      plugin: 'heddle',
      engine: this.engine,
      placement,
      health: { check: async () => ({ ok: true, detail: '' }) },
      linkIndexOf: () => 1,
      clock: this.clock,
      remembered,
      onStatus: () => {
        if (runtime.surveyed) this.reported.push(this.phase);
      },
      onEvent: () => undefined,
    });
    return (this.runtime = runtime);
  }

  /** The agent is killed, and another one goes on with what was remembered. */
  restart(): void {
    const remembered = this.runtime.remember();
    void this.runtime.stop();
    this.reported.length = 0;
    this.start(remembered);
  }

  async want(...allocations: Allocation[]): Promise<void> {
    this.runtime.update(new Map(allocations.map((a) => [PATH, a])));
    await this.clock.advance(0);
  }

  async containers(): Promise<readonly string[]> {
    return (await this.engine.list({ all: true, labels: { [LABEL.allocation]: true } })).map((c) => c.status);
  }

  get status() {
    return this.runtime.statuses()[0]!;
  }
  get phase(): string {
    return `${this.status.phase} ${this.status.healthy}`;
  }
}

describe('Runtime', () => {
  let world: World;
  beforeEach(async () => {
    world = new World();
    await world.want(allocation());
    expect(world.phase).toBe('running true');
  });
  afterEach(() => world.runtime.stop());

  it('adopts what runs, and reports nothing before it has looked', async () => {
    world.engine.calls.length = 0;
    world.restart();
    world.runtime.update(new Map([[PATH, allocation()]]));
    expect(world.runtime.surveyed).toBe(false);
    await world.clock.advance(0);
    expect(world.runtime.surveyed).toBe(true);
    expect(world.reported.at(-1)).toBe('running true');
    expect(new Set(world.reported)).toEqual(new Set(['running true']));
    expect(world.engine.callsOf('createContainer')).toEqual([]);
    expect(world.engine.callsOf('start')).toEqual([]);
  });

  it('keeps what it knows while the engine is away, and says so', async () => {
    world.engine.fail('inspect', UNAVAILABLE, UNAVAILABLE);
    world.runtime.lookAt();
    await world.clock.advance(0);
    expect(world.phase).toBe('running true');
    expect(world.runtime.problems).toEqual([expect.stringContaining('the engine does not answer')]);
    await world.clock.advance(2_000);
    expect(world.runtime.problems).toEqual([]);
    expect(world.status).toMatchObject({ phase: 'running', restarts: 0 });
  });

  it('has nothing to report when the engine is away from the start', async () => {
    world.restart();
    world.engine.fail('list', UNAVAILABLE);
    await world.want(allocation());
    expect(world.runtime.surveyed).toBe(false);
    expect(world.reported).toEqual([]);
    await world.clock.advance(1_000);
    expect(world.runtime.surveyed).toBe(true);
    expect(world.reported.at(-1)).toBe('running true');
  });

  it('does not start what cannot be attached, and holds that against nobody', async () => {
    const id = world.runtime.containerOf(PATH) as string;
    world.attachProblem = 'the attach daemon is away';
    world.engine.exit(id, 1);
    world.runtime.lookAt(PATH);
    await world.clock.advance(60_000);
    expect(world.status).toMatchObject({
      phase: 'pending',
      restarts: 1,
      reason: 'waits to be started: the attach daemon is away',
    });
    expect(await world.containers()).toEqual(['exited']);
    world.attachProblem = undefined;
    world.runtime.lookAt();
    await world.clock.advance(0);
    expect(world.phase).toBe('running true');
  });

  it('starts what ended again, after a pause that grows, whichever agent waits for it', async () => {
    const id = world.runtime.containerOf(PATH) as string;
    for (const [restarts, pause] of [1_000, 2_000, 4_000].entries()) {
      world.engine.exit(id, 1);
      world.runtime.lookAt(PATH);
      await world.clock.advance(pause / 2);
      expect(world.status).toMatchObject({ phase: 'backoff', restarts: restarts + 1 });
      world.restart();
      await world.want(allocation());
      expect(world.status).toMatchObject({ restarts: restarts + 1 });
      await world.clock.advance(pause / 2 - 10);
      expect(await world.containers()).toEqual(['exited']);
      await world.clock.advance(20);
      expect(await world.containers()).toEqual(['running']);
    }
  });

  it('removes on a tombstone only: what is not mentioned any more stays, and is reported', async () => {
    await world.want();
    await world.runtime.resynchronise();
    expect(await world.containers()).toEqual(['running']);
    expect(world.runtime.problems).toEqual([expect.stringContaining(`${LABEL.allocation}=${PATH}`)]);
    expect(world.released).toEqual([]);

    await world.want(allocation({ desired: 'stop' }));
    expect(await world.containers()).toEqual([]);
    expect(world.status.phase).toBe('stopped');
    expect(world.released).toEqual([`allocation:${PATH}`]);
    await world.runtime.resynchronise();
    expect(world.runtime.problems).toEqual([]);
  });
});

import { FakeEngine } from '@heddle/docker';
import { FakeClock } from '@heddle/host';
import { HeddleError, type AllocationStatus, type HeddleObject } from '@heddle/model';
import { allocation, attachedEndpoint } from '../testing/parts';
import type { CheckResult, PlaceOf } from './ports';
import { Runtime, type RememberedInstance } from './runtime';

type Allocation = HeddleObject<'Allocation'>;

const PATH = 'acme/shop/web-1';
const OWNER = `allocation:${PATH}`;
const STOP = { desired: 'stop' as const };

/** A host as far as the runtime sees it: its engine, its addresses, the time. */
class Host {
  readonly clock = new FakeClock();
  readonly engine = new FakeEngine({
    images: ['heddle/demo'],
    now: () => new Date(this.clock.now()),
    fileRoots: ['/state'],
  });
  readonly events: string[] = [];
  readonly released: string[] = [];
  readonly reserved: string[] = [];
  place: PlaceOf | { waitsFor: string } = { path: 'acme/default', gateways: ['10.32.0.1/16'] };
  reserve = async (owner: string): Promise<string> => `10.32.0.${5 + this.reserved.indexOf(owner)}`;
  release: () => Promise<void> = async () => undefined;
  check: () => Promise<CheckResult> = async () => ({ ok: true, detail: 'fine' });
  attached = true;
  changes = 0;
  runtime: Runtime;

  constructor(wasHealthy: readonly string[] = []) {
    this.runtime = this.newAgent(wasHealthy);
  }

  /** The agent is started anew; engine and containers are as they were. */
  newAgent(
    wasHealthy: readonly string[] = [],
    remembered: Readonly<Record<string, RememberedInstance>> = Object.fromEntries(
      wasHealthy.map((uid) => [uid, { healthy: true, restarts: { restarts: 0, delayMs: 0 } }]),
    ),
  ): Runtime {
    this.runtime = new Runtime({
      host: 'h1',
      plugin: 'heddle',
      engine: this.engine,
      clock: this.clock,
      placement: {
        placeOf: () => this.place,
        reserve: async (_domain, owner) => {
          if (!this.reserved.includes(owner)) this.reserved.push(owner);
          return { address: await this.reserve(owner), mac: '02:48:0a:20:00:05', gateway: '10.32.0.1/16' };
        },
        release: async (owner) => {
          await this.release();
          this.released.push(owner);
        },
        resolvConf: async (tenant, application) => `/state/resolv/${tenant}.${application}.conf`,
      },
      health: { check: () => this.check() },
      endpointOf: () => (this.attached ? attachedEndpoint('e1', '10.32.0.5') : undefined),
      remembered,
      onStatus: () => void this.changes++,
      onEvent: ({ metadata }, what, message) => this.events.push(`${metadata.name} ${what}: ${message}`),
    });
    return this.runtime;
  }

  /** Tells the runtime what is wanted, and lets it work. */
  async want(...allocations: Allocation[]): Promise<void> {
    const path = ({ metadata: m }: Allocation): string => `${m.tenant}/${m.application}/${m.name}`;
    this.runtime.update(new Map(allocations.map((a) => [path(a), a])));
    await this.settle();
  }

  async look(): Promise<void> {
    this.runtime.lookAt();
    await this.settle();
  }

  async resync(): Promise<void> {
    await this.runtime.resynchronise();
    await this.settle();
  }

  async settle(ms = 0): Promise<void> {
    // An engine call is several turns of the event loop long.
    for (let i = 0; i < 40; i++) await new Promise((resolve) => setImmediate(resolve));
    if (ms === 0) return;
    await this.clock.advance(ms);
    await this.settle();
  }

  status(path = PATH): AllocationStatus | undefined {
    return this.runtime.statuses().find((s) => s.allocation === path);
  }

  async container(path = PATH) {
    const [found] = await this.engine.list({ all: true, labels: { 'heddle.allocation': path } });
    return found && this.engine.inspect(found.id);
  }

  /** The container ends by itself. */
  async exit(code: number, options?: { oomKilled: boolean }): Promise<void> {
    this.engine.exit((await this.container())?.id as string, code, options);
  }
}

describe('Runtime', () => {
  let host: Host;
  beforeEach(() => (host = new Host()));
  afterEach(async () => {
    await host.runtime.stop();
    expect(host.clock.pendingTimers).toBe(0);
  });

  describe('starts', () => {
    it('what is wanted: address, network, container, in this order', async () => {
      await host.want(allocation('web-1'));
      expect(host.engine.calls.map((call) => call.method).filter((m) => m !== 'list' && m !== 'inspect')).toEqual([
        'imageExists',
        'ensureNetwork',
        'createContainer',
        'start',
      ]);
      expect(host.reserved).toEqual([OWNER]);
      expect(host.engine.callsOf('ensureNetwork')[0]?.[0]).toMatchObject({
        name: 'heddle.acme.default',
        driver: 'heddle',
        ipamDriver: 'heddle',
        subnet: '10.32.0.0/16',
        gateway: '10.32.0.1',
        ipamOptions: { 'heddle.bridge-domain': 'acme/default' },
        options: { 'heddle.bridge-domain': 'acme/default' },
      });
      expect(host.status()).toMatchObject({
        uid: 'uid-web-1',
        host: 'h1',
        phase: 'running',
        healthy: true,
        addresses: ['10.32.0.5'],
        restarts: 0,
        containerId: host.runtime.containerOf(PATH),
      });
      expect(host.events).toEqual([expect.stringMatching(/^web-1 started: container [0-9a-f]{12} started on h1$/)]);
    });

    it('nothing twice, however often it is asked', async () => {
      for (let i = 0; i < 3; i++) await host.want(allocation('web-1'));
      await host.look();
      await host.resync();
      expect(host.engine.callsOf('createContainer')).toHaveLength(1);
      expect(host.engine.callsOf('start')).toHaveLength(1);
    });

    it('not more than four at a time', async () => {
      const release = host.engine.hang('start');
      const names = Array.from({ length: 10 }, (_, i) => `web-${i}`);
      await host.want(...names.map((name) => allocation(name)));
      expect(host.engine.callsOf('createContainer')).toHaveLength(4);
      release();
      await host.settle();
      expect(host.engine.callsOf('createContainer')).toHaveLength(10);
    });

    it('nothing before the EPG is resolved here, and then at once', async () => {
      host.place = { waitsFor: 'the EPG acme/shop/web is not resolved on this host yet' };
      await host.want(allocation('web-1'));
      expect(host.status()).toMatchObject({ phase: 'pending', reason: expect.stringContaining('not resolved') });
      expect(host.engine.callsOf('createContainer')).toEqual([]);
      host.place = { path: 'acme/default', gateways: ['10.32.0.1/16'] };
      await host.look();
      expect(host.status()).toMatchObject({ phase: 'running' });
      expect(host.status()?.reason).toBeUndefined();
    });

    it('waits, and counts no failure, when what it needs went away in the middle', async () => {
      host.reserve = async () => {
        host.place = { waitsFor: 'the attach daemon is away' };
        throw new HeddleError('unavailable', 'the connection was closed');
      };
      await host.want(allocation('web-1'));
      expect(host.status()).toMatchObject({ phase: 'pending', restarts: 0, reason: 'the attach daemon is away' });
    });

    it('no container without its image, and says what to do', async () => {
      await host.want(allocation('web-1', { template: { image: 'none:1' } }));
      expect(host.status()).toMatchObject({
        phase: 'backoff',
        healthy: false,
        reason: expect.stringMatching(/the image none:1 is not on this host; load it.*restart 1 in 1 s/),
      });
      host.engine.addImage('none:1');
      await host.settle(999);
      expect(host.status()?.phase).toBe('backoff');
      await host.settle(1);
      expect(host.status()?.phase).toBe('running');
      expect(host.events.map((e) => e.split(':')[0])).toEqual(['web-1 failed', 'web-1 started']);
    });

    it.each([
      [
        'an address cannot be had',
        (h: Host) => (h.reserve = () => Promise.reject(new HeddleError('limit', 'none left'))),
      ],
      [
        'the network is another one',
        (h: Host) => h.engine.fail('ensureNetwork', new HeddleError('conflict', 'none left')),
      ],
      [
        'the container cannot be made',
        (h: Host) => h.engine.fail('createContainer', new HeddleError('invalid', 'none left')),
      ],
      ['the plugin refuses it', (h: Host) => h.engine.fail('start', new HeddleError('internal', 'none left'))],
    ])('again after a growing pause when %s', async (_what, breakIt) => {
      const { reserve } = host;
      breakIt(host);
      await host.want(allocation('web-1'));
      expect(host.status()).toMatchObject({ phase: 'backoff', reason: expect.stringContaining('none left') });
      host.reserve = reserve;
      await host.look();
      expect(host.status()?.phase).toBe('backoff');
      await host.settle(1_000);
      expect(host.status()).toMatchObject({ phase: 'running', restarts: 1 });
      expect(host.engine.callsOf('createContainer').length).toBeGreaterThan(0);
      expect(await host.engine.list({ all: true })).toHaveLength(1);
    });
  });

  describe('a container that ends', () => {
    it('is started again after 1, 2, 4 s, told with its code, and anew after a stable run', async () => {
      await host.want(allocation('web-1'));
      for (const [restarts, delay] of [
        [1, 1_000],
        [2, 2_000],
        [3, 4_000],
      ] as const) {
        // prettier-ignore
        await host.exit(3);
        await host.look();
        expect(host.status()).toMatchObject({ phase: 'backoff', healthy: false, exitCode: 3, restarts });
        expect(host.status()?.reason).toBe(`ended with code 3 after 0 s; restart ${restarts} in ${delay / 1_000} s`);
        await host.settle(delay - 1);
        expect(host.status()?.phase).toBe('backoff');
        await host.settle(1);
        expect(host.status()?.phase).toBe('running');
      }
      await host.settle(60_000);
      await host.exit(0);
      await host.look();
      expect(host.status()?.reason).toContain('restart 4 in 1 s');
      expect(host.engine.callsOf('createContainer')).toHaveLength(1);
    });

    it('counts once, however often it is looked at', async () => {
      await host.want(allocation('web-1'));
      await host.exit(1);
      for (let i = 0; i < 5; i++) await host.look();
      expect(host.status()?.restarts).toBe(1);
      expect(host.events.filter((e) => e.includes('exited'))).toHaveLength(1);
    });

    it('is found without an event, by comparing', async () => {
      await host.want(allocation('web-1'));
      await host.exit(1);
      await host.resync();
      expect(host.status()?.phase).toBe('backoff');
    });

    it('for want of memory says so', async () => {
      await host.want(allocation('web-1'));
      await host.exit(137, { oomKilled: true });
      await host.look();
      expect(host.status()?.reason).toContain('out of memory');
    });

    it('and was removed by hand is made anew', async () => {
      await host.want(allocation('web-1'));
      await host.engine.remove(host.runtime.containerOf(PATH) as string, { force: true });
      await host.look();
      expect(host.engine.callsOf('createContainer')).toHaveLength(2);
      expect(host.status()?.phase).toBe('running');
    });

    it('is not started when its tombstone comes during the pause', async () => {
      await host.want(allocation('web-1'));
      await host.exit(1);
      await host.look();
      await host.want(allocation('web-1', STOP));
      await host.settle(120_000);
      expect(host.status()?.phase).toBe('stopped');
      expect(host.engine.callsOf('start')).toHaveLength(1);
    });
  });

  describe('a tombstone', () => {
    it('stops with the grace of the template, removes, releases, and only then reports it as stopped', async () => {
      await host.want(allocation('web-1'));
      const release = host.engine.hang('remove');
      await host.want(allocation('web-1', { ...STOP, template: { stopGraceSeconds: 7 } }));
      expect(host.status()).toMatchObject({ phase: 'stopping', healthy: false });
      expect(host.released).toEqual([]);
      release();
      await host.settle();
      expect(host.engine.callsOf('stop')).toEqual([[expect.any(String), 7]]);
      expect(await host.container()).toBeUndefined();
      expect(host.released).toEqual([OWNER]);
      expect(host.status()).toMatchObject({ phase: 'stopped', addresses: [] });
      expect(host.events.at(-1)).toBe('web-1 stopped: stopped on h1');
    });

    it('of something that never ran gives its address back and is reported', async () => {
      await host.want(allocation('web-1', STOP));
      expect(host.status()?.phase).toBe('stopped');
      expect(host.released).toEqual([OWNER]);
      expect(host.events).toEqual([]);
      await host.resync();
      await host.look();
      expect(host.released).toEqual([OWNER]);
    });

    it('is tried again when the engine refuses, without counting as a restart', async () => {
      await host.want(allocation('web-1'));
      host.engine.fail('stop', new HeddleError('internal', 'device busy'));
      await host.want(allocation('web-1', STOP));
      expect(host.status()).toMatchObject({
        phase: 'stopping',
        reason: 'could not be stopped: device busy',
        restarts: 0,
      });
      expect(host.released).toEqual([]);
      await host.settle(1_000);
      expect(host.status()?.phase).toBe('stopped');
    });

    it('keeps the address while the container is there, and the container gone when the address cannot be released', async () => {
      await host.want(allocation('web-1'));
      host.release = () => Promise.reject(new HeddleError('unavailable', 'the attach daemon is away'));
      await host.want(allocation('web-1', STOP));
      expect(host.status()).toMatchObject({ phase: 'stopping', reason: expect.stringContaining('attach daemon') });
      expect(await host.container()).toBeUndefined();
      host.release = async () => undefined;
      await host.settle(1_000);
      expect([host.status()?.phase, host.released]).toEqual(['stopped', [OWNER]]);
    });

    it('that comes while a start waits for its turn takes it back', async () => {
      const release = host.engine.hang('start');
      const names = ['a', 'b', 'c', 'd', 'web-1'];
      await host.want(...names.map((name) => allocation(name)));
      await host.want(...names.map((name) => allocation(name, name === 'web-1' ? STOP : {})));
      release();
      await host.settle();
      expect(host.status()?.phase).toBe('stopped');
      expect(host.engine.callsOf('createContainer')).toHaveLength(4);
    });
  });

  describe('after a restart of the agent', () => {
    it('takes over what runs without touching it', async () => {
      await host.want(allocation('web-1'));
      const id = host.runtime.containerOf(PATH);
      await host.runtime.stop();
      const before = host.engine.calls.length;
      host.newAgent();
      await host.want(allocation('web-1'));
      expect(host.runtime.containerOf(PATH)).toBe(id);
      expect(host.status()).toMatchObject({ phase: 'running', healthy: true, addresses: ['10.32.0.5'], restarts: 0 });
      const changing = host.engine.calls.slice(before).filter((c) => c.method !== 'list' && c.method !== 'inspect');
      expect(changing).toEqual([]);
    });

    it('starts what ended meanwhile, and finishes what was begun', async () => {
      await host.want(allocation('web-1'), allocation('web-2'));
      await host.exit(1);
      host.engine.fail('start', new HeddleError('internal', 'x'));
      await host.want(allocation('web-1'), allocation('web-2'), allocation('web-3'));
      await host.runtime.stop();
      host.newAgent();
      await host.want(allocation('web-1'), allocation('web-2'), allocation('web-3'));
      await host.settle(1_000);
      expect(host.runtime.statuses().map((s) => s.phase)).toEqual(['running', 'running', 'running']);
      expect(await host.engine.list({ all: true })).toHaveLength(3);
    });

    it('is not surveyed before the engine has said what there is of every allocation', async () => {
      await host.want(allocation('web-1'));
      await host.runtime.stop();
      const runtime = host.newAgent();
      host.engine.fail('list', new HeddleError('unavailable', 'no engine answers'));
      await host.want(allocation('web-1'));
      expect(runtime.surveyed).toBe(false);
      await host.runtime.resynchronise();
      await host.settle(10_000);
      expect(runtime.surveyed).toBe(true);
      expect(host.status()?.phase).toBe('running');
    });

    it('does not begin with short pauses again for a container that keeps failing', async () => {
      await host.want(allocation('web-1'));
      for (let i = 0; i < 3; i++) {
        await host.exit(1);
        // In the real agent the engine's event asks for the look.
        host.runtime.lookAt(PATH);
        await host.settle();
        await host.settle(10_000);
      }
      await host.exit(1);
      host.runtime.lookAt(PATH);
      await host.settle();
      const remembered = host.runtime.remember();
      const { reason, restarts } = host.status() ?? {};
      await host.runtime.stop();
      host.newAgent([], remembered);
      await host.want(allocation('web-1'));
      expect(host.status()?.restarts).toBe(restarts);
      expect(reason).toContain('restart 4');
      await host.settle(1_000);
      expect(host.status()?.phase).not.toBe('running');
      await host.settle(60_000);
      expect(host.status()?.phase).toBe('running');
    });

    it('does not call a container unhealthy that was healthy, but does check one that was not', async () => {
      const template = { health: { type: 'tcp', port: 'http', path: '/', intervalSeconds: 5, timeoutSeconds: 1, failures: 3 } } as const; // prettier-ignore
      await host.want(allocation('web-1', { template }), allocation('web-2', { template }));
      await host.runtime.stop();
      host.newAgent(['uid-web-1']);
      await host.want(allocation('web-1', { template }), allocation('web-2', { template }));
      expect(host.status()?.healthy).toBe(true);
      expect(host.status('acme/shop/web-2')?.healthy).toBe(false);
    });

    it('does not believe the old health of a container that it had to start', async () => {
      const template = { health: { type: 'tcp', port: 'http', path: '/', intervalSeconds: 5, timeoutSeconds: 1, failures: 3 } } as const; // prettier-ignore
      await host.want(allocation('web-1', { template }));
      await host.exit(1);
      await host.runtime.stop();
      host.newAgent(['uid-web-1']);
      host.check = async () => ({ ok: false, detail: 'not yet' });
      await host.want(allocation('web-1', { template }));
      await host.settle(1_000);
      expect(host.status()).toMatchObject({ phase: 'running', healthy: false });
    });
  });

  describe('health', () => {
    const template = {
      health: { type: 'http', port: 'http', path: '/health', intervalSeconds: 5, timeoutSeconds: 1, failures: 2 },
    } as const;

    it('follows the checks, with events when it changes', async () => {
      await host.want(allocation('web-1', { template }));
      expect(host.status()).toMatchObject({ healthy: false, reason: 'no check has succeeded yet' });
      await host.settle(500);
      expect(host.status()?.healthy).toBe(true);
      host.check = async () => ({ ok: false, detail: 'answers 500' });
      await host.settle(5_000);
      expect(host.status()?.healthy).toBe(true);
      await host.settle(5_000);
      expect(host.status()).toMatchObject({ healthy: false, reason: 'the last 2 checks failed: answers 500' });
      expect(host.events.slice(1)).toEqual([
        'web-1 healthy: fine',
        'web-1 unhealthy: the last 2 checks failed: answers 500',
      ]);
    });

    it('fails while the container is not attached, and when the check names no port', async () => {
      host.attached = false;
      await host.want(allocation('web-1', { template }), allocation('web-2', { template: { ...template, ports: {} } }));
      await host.settle(500);
      expect(host.status()?.reason).toContain('not attached');
      expect(host.status('acme/shop/web-2')?.reason).toContain('names no port');
    });

    it('ends with the container, and begins anew with the next', async () => {
      await host.want(allocation('web-1', { template }));
      await host.settle(500);
      await host.exit(1);
      await host.look();
      expect(host.status()?.healthy).toBe(false);
      await host.settle(1_000);
      expect(host.status()).toMatchObject({ phase: 'running', healthy: false });
      await host.settle(500);
      expect(host.status()?.healthy).toBe(true);
    });

    it('is checked no more once the allocation is gone, also when a check was under way', async () => {
      let finish: (result: CheckResult) => void = () => undefined;
      let checks = 0;
      host.check = () => {
        checks += 1;
        return new Promise((resolve) => (finish = resolve));
      };
      await host.want(allocation('web-1', { template }));
      await host.settle(500);
      await host.want();
      finish({ ok: true, detail: '' });
      await host.settle(60_000);
      expect(checks).toBe(1);
      expect(host.clock.pendingTimers).toBe(0);
    });
  });

  describe('containers that nobody asks for', () => {
    const stray = (name: string, path: string) =>
      host.engine.createContainer({
        name,
        image: 'heddle/demo',
        labels: { 'heddle.allocation': path },
        network: { name: 'none' },
        resources: { cpu: 0.1, memoryBytes: 33_554_432, pids: 10 },
      });

    it('are reported and left alone', async () => {
      const id = await stray('old', 'acme/shop/gone');
      await host.engine.start(id);
      await host.want(allocation('web-1'));
      await host.resync();
      expect(host.runtime.problems).toEqual([
        expect.stringMatching(
          /^container old carries the label heddle\.allocation=acme\/shop\/gone, which is no allocation/,
        ),
      ]);
      expect((await host.engine.inspect(id)).status).toBe('running');
      await host.engine.remove(id, { force: true });
      await host.resync();
      expect(host.runtime.problems).toEqual([]);
    });

    it('are reported as well when they claim an allocation that has its container', async () => {
      await host.want(allocation('web-1'));
      await stray('copy', PATH);
      await host.resync();
      expect(host.runtime.problems).toEqual([expect.stringContaining('which another container is already')]);
    });

    it('are what is left of an allocation that vanished without a tombstone', async () => {
      await host.want(allocation('web-1'));
      await host.want();
      await host.resync();
      expect((await host.container())?.status).toBe('running');
      expect(host.released).toEqual([]);
      expect(host.runtime.statuses()).toEqual([]);
      expect(host.runtime.problems).toHaveLength(1);
    });
  });

  describe('an engine that is away', () => {
    const away = () => new HeddleError('unavailable', 'connection refused');

    it('changes nothing of what was last seen, and is named as the problem', async () => {
      await host.want(allocation('web-1'));
      host.engine.fail('inspect', away());
      host.engine.fail('list', away());
      await host.look();
      expect(host.status()).toMatchObject({ phase: 'running', healthy: true, restarts: 0 });
      expect(host.runtime.problems).toEqual([expect.stringMatching(/^the engine does not answer \(.*refused/)]);
      await host.resync();
      expect(host.runtime.problems).toHaveLength(1);
      await host.resync();
      expect(host.runtime.problems).toEqual([]);
      expect(host.events).toHaveLength(1);
    });

    it('is asked again for what could not be looked at', async () => {
      host.engine.fail('list', away());
      await host.want(allocation('web-1'));
      expect(host.status()?.phase).toBe('pending');
      await host.resync();
      expect(host.status()?.phase).toBe('running');
    });
  });

  it('waits for others that are at work on a container', async () => {
    await host.want(allocation('web-1'));
    const inspect = host.engine.inspect.bind(host.engine);
    host.engine.inspect = async (id, options) => ({ ...(await inspect(id, options)), status: 'paused' });
    await host.look();
    expect(host.status()).toMatchObject({ healthy: false, reason: 'the container is paused' });
    host.engine.inspect = inspect;
    await host.settle(1_000);
    expect(host.status()).toMatchObject({ phase: 'running', healthy: true });
  });

  it('stops without waiting for the engine, and does nothing afterwards', async () => {
    const release = host.engine.hang('start');
    await host.want(allocation('web-1'));
    await host.runtime.stop();
    const changes = host.changes;
    release();
    host.runtime.lookAt();
    await host.settle(60_000);
    expect(host.changes).toBe(changes);
  });

  it('tells of a status only when it changed', async () => {
    await host.want(allocation('web-1'));
    const { changes } = host;
    for (let i = 0; i < 5; i++) await host.look();
    expect(host.changes).toBe(changes);
  });
});

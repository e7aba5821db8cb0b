import { HeddleError } from '@heddle/model';
import type { ContainerSpec } from '../container-spec';
import type { Engine, EngineEvent, LogLine } from '../engine';

/** An engine under test, with what the contract cannot do through the engine itself. */
export interface EngineHarness {
  readonly engine: Engine;
  /**
   * A spec whose container prints `hello` to standard output and `oops` to standard error, then waits; it ends with code 3
   * when `exit` is called and at once on SIGTERM.
   */
  spec(name: string): ContainerSpec;
  exit(id: string): Promise<void>;
  /** Called after each start; resolves when the two lines are in the log. */
  settled(id: string): Promise<void>;
}

/** What every engine must do alike, so that code tested with the fake works with the real one. */
export function describeEngine(name: string, harness: () => EngineHarness): void {
  describe(`${name}, as an engine`, () => {
    let engine: Engine;
    let serial = 0;
    const fresh = (): ContainerSpec => harness().spec(`contract-${++serial}`);
    const running = async (spec = fresh()): Promise<string> => {
      const id = await engine.createContainer(spec);
      await engine.start(id);
      await harness().settled(id);
      return id;
    };
    const codeOf = (work: Promise<unknown>): Promise<string> =>
      work.then(
        () => 'success',
        (error: unknown) => (error instanceof HeddleError ? error.code : `no HeddleError: ${String(error)}`),
      );

    beforeEach(() => {
      engine = harness().engine;
    });
    afterEach(async () => {
      for (const { id } of await engine.list({ all: true })) await engine.remove(id, { force: true });
    });

    it('answers questions about itself', async () => {
      await engine.ping();
      expect((await engine.version()).apiVersion).toMatch(/^1\.\d+$/);
      const info = await engine.info();
      expect(info.cpus).toBeGreaterThan(0);
      expect(info.memoryBytes).toBeGreaterThan(2 ** 20);
    });

    it('leads a container through its states', async () => {
      const spec = { ...fresh(), labels: { 'heddle.uid': 'u1', tier: 'web' } };
      const id = await engine.createContainer(spec);
      expect(id).toMatch(/^[0-9a-f]{64}$/);
      const created = await engine.inspect(id);
      expect(created).toMatchObject({ id, name: spec.name, status: 'created', labels: spec.labels, oomKilled: false });
      expect(created).not.toHaveProperty('exitCode');
      expect(created).not.toHaveProperty('startedAt');
      expect(created).not.toHaveProperty('pid');

      await engine.start(id);
      await harness().settled(id);
      const started = await engine.inspect(id);
      expect(started).toMatchObject({ status: 'running', restartCount: 0, pid: expect.any(Number) });
      expect(Date.parse(started.startedAt ?? '')).toBeGreaterThan(0);
      expect(started).not.toHaveProperty('finishedAt');
      expect(started.networks[spec.network.name]?.endpointId).toMatch(/^[0-9a-f]{64}$/);

      await harness().exit(id);
      await engine.wait(id);
      const ended = await engine.inspect(id);
      expect(ended).toMatchObject({ status: 'exited', exitCode: 3 });
      expect(Date.parse(ended.finishedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(started.startedAt ?? ''));
      expect(ended).not.toHaveProperty('pid');

      await engine.start(id);
      await harness().settled(id);
      expect(await engine.inspect(id)).toMatchObject({ status: 'running' });
    });

    it('takes what is done already for success', async () => {
      const id = await running();
      await engine.start(id);
      await engine.stop(id, 5);
      await engine.stop(id, 5);
      expect(await engine.inspect(id)).toMatchObject({ status: 'exited', exitCode: 143 });
      await engine.remove(id);
      await engine.remove(id);
    });

    it('says what is wrong with a call', async () => {
      const spec = fresh();
      const id = await running(spec);
      expect(await codeOf(engine.createContainer(spec))).toBe('conflict');
      expect(await codeOf(engine.createContainer({ ...fresh(), image: 'heddle/nothing:1' }))).toBe('not-found');
      expect(await codeOf(engine.createContainer({ ...fresh(), user: 'root' }))).toBe('invalid');
      expect(await codeOf(engine.remove(id))).toBe('conflict');
      expect(await codeOf(engine.inspect('nobody'))).toBe('not-found');
      expect(await codeOf(engine.start('nobody'))).toBe('not-found');
      expect(await codeOf(engine.stop('nobody', 1))).toBe('not-found');
      expect(await codeOf(engine.wait('nobody'))).toBe('not-found');
      expect(await codeOf(engine.logs('nobody').next())).toBe('not-found');
      await engine.stop(id, 1);
      expect(await codeOf(engine.kill(id, 'SIGTERM'))).toBe('conflict');
      const lost = await engine.createContainer({ ...fresh(), network: { name: 'nowhere' } });
      expect(await codeOf(engine.start(lost))).toBe('not-found');
    });

    it('finds containers by name and by the beginning of their id', async () => {
      const spec = fresh();
      const id = await engine.createContainer(spec);
      expect((await engine.inspect(spec.name)).id).toBe(id);
      expect((await engine.inspect(id.slice(0, 12))).id).toBe(id);
    });

    it('lists by label and state', async () => {
      const one = await running({ ...fresh(), labels: { app: 'shop', tier: 'web' } });
      const two = await engine.createContainer({ ...fresh(), labels: { app: 'shop', tier: 'db' } });
      const ids = async (options: Parameters<Engine['list']>[0]): Promise<string[]> =>
        (await engine.list(options)).map((c) => c.id).sort();
      expect(await ids({})).toEqual([one]);
      expect(await ids({ all: true })).toEqual([one, two].sort());
      expect(await ids({ all: true, labels: { app: 'shop', tier: 'db' } })).toEqual([two]);
      expect(await ids({ all: true, labels: { tier: true } })).toEqual([one, two].sort());
      expect(await ids({ all: true, labels: { tier: 'nothing' } })).toEqual([]);
      const [summary] = await engine.list({ labels: { tier: 'web' } });
      expect(summary).toMatchObject({ status: 'running', labels: { app: 'shop', tier: 'web' } });
    });

    it('waits for the end, and not longer than the caller', async () => {
      const id = await running();
      const end = engine.wait(id);
      await harness().exit(id);
      expect(await end).toEqual({ exitCode: 3 });
      expect(await engine.wait(id)).toEqual({ exitCode: 3 });

      const other = await running();
      const controller = new AbortController();
      const given = engine.wait(other, { signal: controller.signal });
      controller.abort();
      expect(await codeOf(given)).toBe('unavailable');
    });

    it('reads usage while the container runs', async () => {
      const id = await running();
      const stats = await engine.stats(id);
      expect(stats?.memoryBytes).toBeGreaterThan(0);
      expect(stats?.memoryLimitBytes).toBe(32 * 1024 * 1024);
      expect(stats?.pids).toBeGreaterThan(0);
      await engine.stop(id, 1);
      expect(await engine.stats(id)).toBeUndefined();
    });

    it('reads logs: all, the last, with times, since a time', async () => {
      const id = await running();
      const read = async (options?: Parameters<Engine['logs']>[1]): Promise<LogLine[]> => {
        const lines: LogLine[] = [];
        for await (const line of engine.logs(id, options)) lines.push(line);
        return lines.sort((a, b) => a.line.localeCompare(b.line));
      };
      const both = [
        { stream: 'stdout', line: 'hello' },
        { stream: 'stderr', line: 'oops' },
      ];
      expect(await read()).toEqual(both);
      expect(await read({ tail: 1 })).toHaveLength(1);
      expect(await read({ tail: 0 })).toEqual([]);
      const times = (await read({ timestamps: true })).map((line) => line.time ?? '').sort();
      expect(times[0]).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
      // The streams are copied side by side: either line may be the earlier one.
      expect(await read({ since: times[0] ?? '' })).toEqual(both);
      expect(await read({ since: new Date(Date.now() + 3600_000) })).toEqual([]);
    });

    it('follows a log to its end, and lets go of it when told', async () => {
      const id = await running();
      const lines: string[] = [];
      const following = (async () => {
        for await (const { line } of engine.logs(id, { follow: true })) lines.push(line);
      })();
      await harness().exit(id);
      await following;
      expect(lines.sort()).toEqual(['hello', 'oops']);

      const other = await running();
      const log = engine.logs(other, { follow: true });
      await log.next();
      await log.next();
      const silent = log.next();
      await log.return?.();
      expect(await silent).toMatchObject({ done: true });

      const controller = new AbortController();
      const signalled = engine.logs(other, { follow: true, tail: 0, signal: controller.signal }).next();
      controller.abort();
      expect(await signalled).toMatchObject({ done: true });
    });

    it('tells what happens, after telling the watcher to list', async () => {
      const events = engine.events();
      const next = async (): Promise<EngineEvent> => (await events.next()).value as EngineEvent;
      expect(await next()).toEqual({ kind: 'resync', reason: 'connected' });
      const spec = { ...fresh(), labels: { tier: 'web' } };
      const id = await running(spec);
      await engine.stop(id, 5);
      await engine.remove(id);
      const seen: EngineEvent[] = [];
      do seen.push(await next());
      while (seen.at(-1)?.kind !== 'container' || (seen.at(-1) as { action?: string }).action !== 'destroy');
      expect(seen.map((e) => (e.kind === 'container' ? e.action : e.kind))).toEqual([
        'create',
        'start',
        'kill',
        'die',
        'stop',
        'destroy',
      ]);
      expect(seen[3]).toMatchObject({ id, name: spec.name, labels: { tier: 'web' }, exitCode: 143 });
      expect(seen[0]).not.toHaveProperty('exitCode');
      const silent = next();
      await events.return?.();
      expect(await silent).toBeUndefined();
    });

    it('watches by label', async () => {
      const events = engine.events({ labels: { tier: 'db' } });
      expect((await events.next()).value).toMatchObject({ kind: 'resync' });
      await engine.createContainer({ ...fresh(), labels: { tier: 'web' } });
      const db = await engine.createContainer({ ...fresh(), labels: { tier: 'db' } });
      expect((await events.next()).value).toMatchObject({ action: 'create', id: db });
      await events.return?.();
    });

    it('knows its images', async () => {
      const { image } = fresh();
      expect(await engine.imageExists(image)).toBe(true);
      expect(await engine.imageExists('heddle/nothing:1')).toBe(false);
      expect((await engine.inspectImage(image)).id).toMatch(/^sha256:[0-9a-f]{64}$/);
      expect(await codeOf(engine.inspectImage('heddle/nothing:1'))).toBe('not-found');
    });

    it('gives up a call at its deadline and with its caller', async () => {
      const id = await running();
      expect(await codeOf(engine.inspect(id, { signal: AbortSignal.abort() }))).toBe('unavailable');
    });
  });
}

import { isDeepStrictEqual } from 'node:util';
import { waitFor } from '@heddle/host';
import type { HostNode } from '@heddle/lab';
import { whenAgentReady } from './agent-ops';
import { describeRoot, TestCluster } from './cluster';
import { containersOn, withEngine } from './containers';
import { Duo, DuoTraffic, type DuoSnapshot } from './duo';
import { Watch } from './watch';
import { nodeOf, WAYS } from './ways';

describeRoot.each(WAYS)('when a part of a host is killed ($name)', (way) => {
  let cluster: TestCluster;
  let duo: Duo;
  let h1: HostNode;
  let traffic: DuoTraffic;
  let before: DuoSnapshot;

  beforeAll(async () => {
    cluster = await TestCluster.start('prt', 2);
    h1 = cluster.host('h1');
    duo = new Duo(cluster, way);
    await duo.apply();
  }, 120_000);
  afterAll(() => cluster?.stop(), 60_000);

  beforeEach(async () => {
    await cluster.whenReady();
    before = await duo.snapshot();
    traffic = await DuoTraffic.start(before.containers);
  });
  afterEach(() => traffic?.kill());

  it('the agent: no packet is lost, none gets through that is forbidden, and on return nothing is changed', async () => {
    const watch = new Watch(() => duo.states());
    await h1.kill('agent');
    await traffic.more(300);
    await h1.start('agent');
    await whenAgentReady(h1);
    await traffic.more();
    expect(await watch.stop()).toEqual([Duo.well]);
    await duo.expectUntouched(before);
    const { probes } = await traffic.stopWhole();
    expect(probes['names']).toMatchObject({ failed: 0, addresses: [before.containers.server.address] });
    // It is at work again.
    await duo.exercise();
    await duo.expectUntouched(before);
  }, 60_000);

  it('the agent of what enforces, and a change meanwhile: nothing gets through, and the change comes with its return', async () => {
    const enforcer = nodeOf(cluster.lab, way.enforcers.at(-1) as string);
    await enforcer.kill('agent');
    await traffic.more(100);
    await enforcer.start('agent');
    await cluster.whenReady();
    await traffic.stopWhole();
    await duo.expectUntouched(before);
    await duo.exercise();
    await duo.expectUntouched(before);
  }, 60_000);

  it('the attach daemon: running traffic goes on, a start waits and says why, and then all works again', async () => {
    await h1.kill('attach');
    const position = await duo.scale('spare', 1);
    let reasons = '';
    await waitFor(async () => /attach daemon.*start it/.test((reasons = await duo.reasons('spare'))), {
      deadlineMs: 10_000,
      what: () => `the service to say why it does not start; it says ${reasons}`,
    });
    await waitFor(
      async () => (await cluster.api.hosts()).some((h) => /attach daemon is away/.test(h.problems.join())),
      {
        deadlineMs: 10_000,
        what: 'the host to say that its attach daemon is away',
      },
    );
    await traffic.more(100);
    const { probes } = await traffic.stopWhole();
    expect(probes['names']?.addresses).toEqual([]);
    await duo.expectUntouched(before);

    await h1.start('attach');
    await cluster.api.settled(position, 10_000);
    traffic = await DuoTraffic.start(before.containers);
    await traffic.moreOfAll();
    await cluster.api.settled(await duo.scale('spare', 0));
    await duo.expectUntouched(before);
  }, 60_000);

  it('the switch: nothing gets through that is forbidden, and traffic and names come back', async () => {
    const enforcer = nodeOf(cluster.lab, way.enforcers[0] as string);
    await enforcer.kill('vswitchd');
    await enforcer.start('vswitchd');
    await traffic.moreOfAll();
    await cluster.whenReady();
    const after = await duo.snapshot();
    expect(after.ids).toEqual(before.ids);
    for (const node of way.enforcers)
      expect([...(after.flows[node]?.keys() ?? [])].sort()).toEqual([...(before.flows[node]?.keys() ?? [])].sort());
    const { probes } = await traffic.stop();
    expect(probes['tcp']?.broken).toBeUndefined();
  }, 60_000);

  it('the engine: containers keep running with their network, and are adopted', async () => {
    const watch = new Watch(() => duo.states());
    await h1.kill('engine');
    await traffic.more(100);
    await h1.start('engine');
    await traffic.more(100);
    await traffic.stopWhole();
    await duo.exercise();
    expect(await watch.stop()).toEqual([Duo.well]);
    await duo.expectUntouched(before);
  }, 60_000);

  it('a container: it comes back after a pause, with its address, and the others are not touched', async () => {
    const { stranger } = before.containers;
    for (const pauseMs of [1_000, 2_000]) {
      const started = (await containersOn(h1)).get(stranger.allocation)?.startedAt;
      const killed = performance.now();
      await withEngine(h1, (engine) => engine.kill(stranger.id, 'SIGKILL'));
      const back = await waitFor(
        async () => {
          const now = (await containersOn(h1)).get(stranger.allocation);
          return now !== undefined && now.startedAt !== started ? now : undefined;
        },
        { deadlineMs: 15_000, intervalMs: 50, what: 'the container to run again' },
      );
      expect(performance.now() - killed).toBeGreaterThan(pauseMs * 0.9);
      expect(back).toMatchObject({ id: stranger.id, address: stranger.address });
    }
    let last: unknown;
    await waitFor(async () => isDeepStrictEqual((last = await duo.states()), Duo.well), {
      deadlineMs: 10_000,
      what: () => `everything to be well; last seen ${JSON.stringify(last)}`,
    });
    expect((await duo.snapshot()).ids).toEqual(before.ids);
    const { probes } = await traffic.allowed.stop();
    expect(probes['tcp']?.broken).toBeUndefined();
  }, 60_000);
});

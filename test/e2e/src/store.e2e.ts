import { cp, rename, rm } from 'node:fs/promises';
import { waitFor } from '@heddle/host';
import { classIdOf, highestClassId } from './agent-state';
import { describeRoot, TestCluster } from './cluster';
import { containersOn, type RunningContainer } from './containers';
import { ControlPlane } from './control-plane';
import { Duo, DuoTraffic, type DuoSnapshot } from './duo';

const HOSTS = ['h1', 'h2'];

/** An application of one container, on one host. */
const single = (name: string, host: string): string => `
kind: App
metadata: { tenant: acme, name: ${name} }
spec:
  services:
    only: { image: heddle/demo, constraints: [{ attribute: host, operator: '=', value: ${host} }] }
`;

describeRoot('when the store comes back', () => {
  let cluster: TestCluster;
  let control: ControlPlane;
  let duo: Duo;
  let traffic: DuoTraffic | undefined;

  beforeAll(async () => {
    cluster = await TestCluster.start('sto', 2);
    control = new ControlPlane(cluster);
    duo = new Duo(cluster);
    await duo.apply();
  }, 120_000);
  afterAll(() => cluster?.stop(), 60_000);
  afterEach(() => traffic?.kill());

  const containers = async (): Promise<RunningContainer[]> => {
    const on = await Promise.all(HOSTS.map((host) => containersOn(cluster.host(host))));
    return on.flatMap((map) => [...map.values()]).sort((a, b) => (a.id < b.id ? -1 : 1));
  };
  const highest = async (): Promise<number> =>
    Math.max(...(await Promise.all(HOSTS.map((host) => highestClassId(cluster.host(host))))));

  /** While the store is not the right one: nothing that runs is touched, and nothing can be changed. */
  async function expectRefused(before: DuoSnapshot, state: string, explain: RegExp): Promise<void> {
    expect(await control.store()).toMatchObject({ state, explain: expect.stringMatching(explain) });
    const refused = await cluster.api.call('POST', '/api/v1/apply', single('late', 'h1'));
    expect(refused).toMatchObject({ status: 409, body: { code: 'state', message: expect.stringMatching(explain) } });
    await duo.expectUntouched(before);
  }

  const accept = (): Promise<{ incarnation: number }> => cluster.api.ok('POST', '/api/v1/store/accept');

  async function whenStrays(...allocations: string[]): Promise<void> {
    let problems = '';
    const named = async (): Promise<boolean> => {
      problems = await control.problems();
      return allocations.every((allocation) => problems.includes(`heddle.allocation=${allocation}`));
    };
    await waitFor(named, {
      deadlineMs: 15_000,
      what: () => `the hosts to report the containers of ${allocations.join(', ')}; they say "${problems}"`,
    });
  }

  it('as an older copy, nothing is torn down, and what it does not know stays when it is accepted', async () => {
    const copy = `${control.storeFolder}.copy`;
    await control.stop();
    await cp(control.storeFolder, copy, { recursive: true });
    await control.start();
    await control.whenReady();
    await cluster.api.applyAndSettle(single('late', 'h1'));
    const running = await containers();
    const late = running.find((c) => c.epg === 'acme/late/only') as RunningContainer;
    const before = await duo.snapshot();
    traffic = await DuoTraffic.start(before.containers);

    await control.stop();
    await rm(control.storeFolder, { recursive: true });
    await rename(copy, control.storeFolder);
    await control.start();
    await waitFor(async () => /restored from an older copy/.test(await control.problems()), {
      deadlineMs: 15_000,
      what: 'the hosts to say that the store is older than what they have accepted',
    });
    await expectRefused(before, 'older', /restored from an older copy.*heddle store accept/);
    await traffic.more(200);

    expect(await accept()).toMatchObject({ incarnation: 2 });
    await control.whenReady();
    await whenStrays(late.allocation);
    await cluster.api.settled(await duo.scale('spare', 0));
    await traffic.more();
    await traffic.stopWhole();
    const after = await containers();
    expect(after).toEqual(running);

    const enforced = await highest();
    await cluster.api.applyAndSettle(single('next', 'h2'));
    const next = (await containers()).find((c) => c.epg === 'acme/next/only') as RunningContainer;
    expect(await classIdOf(cluster.host('h2'), 'acme/next/only')).toBeGreaterThan(enforced);
    expect(new Set([...after, next].map((c) => c.address)).size).toBe(5);
  }, 120_000);

  it('empty, nothing is torn down, and it can be filled again when it is accepted', async () => {
    const strays = (await containers()).map((c) => c.allocation);
    const before = await duo.snapshot();
    const enforced = await highest();
    traffic = await DuoTraffic.start(before.containers);
    await control.stop();
    await rm(control.storeFolder, { recursive: true });
    await control.start();
    await expectRefused(before, 'empty', /the store is empty.*heddle store accept/);
    await traffic.more(300);
    await traffic.stopWhole();
    await duo.expectUntouched(before);

    expect(await accept()).toMatchObject({ incarnation: 3 });
    await control.whenReady();
    await whenStrays(...strays);
    expect((await containers()).map((c) => c.allocation).sort()).toEqual([...strays].sort());
    await duo.apply();
    const all = await containers();
    expect(all.map((c) => c.allocation)).toEqual(expect.arrayContaining(strays));
    expect(all).toHaveLength(strays.length + 3);
    expect(new Set(all.map((c) => c.address)).size).toBe(all.length);
    expect(await classIdOf(cluster.host('h1'), 'acme/duo/client')).toBeGreaterThan(enforced);
  }, 120_000);
});

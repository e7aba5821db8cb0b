import { setTimeout as delay } from 'node:timers/promises';
import { waitFor } from '@heddle/host';
import { Applying } from './applying';
import { describeRoot, TestCluster } from './cluster';
import { containersOn, withEngine } from './containers';
import { ControlPlane } from './control-plane';
import { Duo, DuoTraffic, type DuoSnapshot } from './duo';
import { ROUNDS, SEED, seeded } from './seeded';

describeRoot('when the control plane is killed', () => {
  let cluster: TestCluster;
  let control: ControlPlane;
  let duo: Duo;
  let before: DuoSnapshot;
  let traffic: DuoTraffic;

  beforeAll(async () => {
    cluster = await TestCluster.start('ctl', 2);
    control = new ControlPlane(cluster);
    duo = new Duo(cluster);
    await duo.apply();
    before = await duo.snapshot();
  }, 120_000);
  afterAll(() => cluster?.stop(), 60_000);
  beforeEach(async () => {
    traffic = await DuoTraffic.start(before.containers);
  });
  afterEach(() => traffic?.kill());

  it(
    `also in the middle of changes: what is acknowledged is there whole, and nothing that runs is touched`,
    async () => {
      const random = seeded(SEED);
      const applying = new Applying(cluster.api);
      for (let round = 0; round < ROUNDS; round++) {
        await applying.more(1 + Math.floor(random() * 4));
        await delay(random() * 30);
        if (round % 2 === 0) {
          await control.kill();
          await control.start();
        } else await control.killNats();
      }
      await applying.more(2);
      await applying.stop();
      await control.whenReady();
      await applying.expectWhole();
      await duo.expectUntouched(before, { more: true });
      await traffic.stopWhole();
      await cluster.whenReady();
      await duo.exercise();
      before = await duo.snapshot();
    },
    60_000 + ROUNDS * 20_000,
  );

  it('for longer: hosts go on by what they know, names resolve, and a container that ends is started again', async () => {
    await control.kill();
    const { probes } = await traffic.more(200).then(() => traffic.stopWhole());
    expect(probes['names']).toMatchObject({ failed: 0, addresses: [before.containers.server.address] });
    await duo.expectUntouched(before);
    const h1 = cluster.host('h1');
    const { stranger } = before.containers;
    await withEngine(h1, (engine) => engine.kill(stranger.id, 'SIGKILL'));
    const restarted = async (): Promise<boolean> => {
      const now = (await containersOn(h1)).get(stranger.allocation);
      return now !== undefined && now.startedAt !== stranger.startedAt && now.address === stranger.address;
    };
    await waitFor(restarted, { deadlineMs: 10_000, intervalMs: 50, what: 'the container to run again' });
    await control.start();
    await control.whenReady();
    await cluster.whenReady();
    expect((await duo.snapshot()).ids).toEqual(before.ids);
    before = await duo.snapshot();
  }, 60_000);

  it('changes nothing when the same file is applied afterwards, and gives no address twice', async () => {
    const answer = await cluster.api.ok<{ changed: unknown[]; position: number }>('POST', '/api/v1/apply', duo.file);
    expect(answer.changed).toEqual([]);
    await cluster.api.settled(answer.position);
    await duo.expectUntouched(before);
    await traffic.stopWhole();
    await cluster.api.settled(await duo.scale('spare', 3));
    const addresses = (await cluster.api.running()).flatMap((a) => a.status.addresses);
    expect(addresses).toHaveLength(6);
    expect(new Set(addresses).size).toBe(6);
    await cluster.api.settled(await duo.scale('spare', 0));
  }, 60_000);
});

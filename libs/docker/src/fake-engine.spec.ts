import { HeddleError } from '@heddle/model';
import { FakeEngine } from './fake-engine';
import { describeEngine } from './testing/engine-contract';
import type { ContainerSpec } from './container-spec';

const spec = (name: string): ContainerSpec => ({
  name,
  image: 'heddle/demo',
  network: { name: 'none' },
  resources: { cpu: 0.1, memoryBytes: 32 * 1024 * 1024, pids: 16 },
});

const fake = new FakeEngine({ images: ['heddle/demo'] });
describeEngine('the fake', () => ({
  engine: fake,
  spec,
  exit: async (id) => fake.exit(id, 3),
  settled: async (id) => {
    fake.write(id, 'hello');
    fake.write(id, 'oops', 'stderr');
  },
}));

describe('the fake', () => {
  const network = {
    name: 'acme',
    driver: 'heddle',
    ipamDriver: 'heddle',
    subnet: '10.32.0.0/16',
    gateway: '10.32.0.1',
    labels: { 'heddle.tenant': 'acme' },
  };
  let engine: FakeEngine;
  beforeEach(() => {
    engine = new FakeEngine({ images: ['heddle/demo'], deadlineMs: 20 });
  });

  it('fails as told, as often as told', async () => {
    engine.fail('ping', new HeddleError('unavailable', 'gone'));
    await expect(engine.ping()).rejects.toMatchObject({ code: 'unavailable' });
    await engine.ping();
  });

  it('hangs as told, until the deadline, and without effect', async () => {
    const release = engine.hang('createContainer');
    await expect(engine.createContainer(spec('a'))).rejects.toMatchObject({ code: 'deadline' });
    release();
    await engine.createContainer(spec('a'));
    expect(engine.callsOf('createContainer')).toHaveLength(2);
    expect(await engine.list({ all: true })).toHaveLength(1);
  });

  it('gives each start an endpoint of its own, with the address asked for', async () => {
    await engine.ensureNetwork(network);
    const id = await engine.createContainer({ ...spec('a'), network: { name: 'acme', ipv4Address: '10.32.0.7' } });
    await engine.start(id);
    const first = (await engine.inspect(id)).networks['acme'];
    expect(first).toMatchObject({ ipv4Address: '10.32.0.7', ipv4PrefixLength: 16 });
    await expect(engine.removeNetwork('acme')).rejects.toMatchObject({ code: 'refused' });
    engine.exit(id, 137, { oomKilled: true });
    expect(await engine.inspect(id)).toMatchObject({ exitCode: 137, oomKilled: true });
    await engine.start(id);
    expect((await engine.inspect(id)).networks['acme']?.endpointId).not.toBe(first?.endpointId);
  });

  it('keeps a network, and says what differs', async () => {
    const { id } = await engine.ensureNetwork(network);
    expect(await engine.ensureNetwork(network)).toEqual({ id, created: false });
    expect(await engine.listNetworks({ labels: { 'heddle.tenant': 'acme' } })).toHaveLength(1);
    await expect(
      engine.ensureNetwork({ ...network, subnet: '10.33.0.0/16', labels: { a: 'b' }, internal: true }),
    ).rejects.toMatchObject({
      code: 'conflict',
      message:
        'network acme exists with other settings: subnet is 10.32.0.0/16, wanted is 10.33.0.0/16; ' +
        'label a is not set, wanted is b; label heddle.tenant is acme, wanted is none; ' +
        'internal is false, wanted is true; remove it, or correct what is wanted',
    });
  });

  it('tells a watcher to list again after a gap', async () => {
    const events = engine.events();
    await events.next();
    engine.loseEvents();
    expect((await events.next()).value).toEqual({ kind: 'resync', reason: 'reconnected' });
    await events.return?.();
  });

  it('keeps the labels of an imported image', async () => {
    await engine.importImage(Buffer.from('tar'), 'heddle/x', ['LABEL heddle.content="abc"', 'USER 65534']);
    expect(await engine.inspectImage('heddle/x:latest')).toMatchObject({ labels: { 'heddle.content': 'abc' } });
  });
});

import { FakeFiles } from '@heddle/host';
import { publicKeyOf, type NatsServer } from '@heddle/messaging';
import { EmbeddedUsers } from './broker';

type Users = Parameters<NatsServer['setUsers']>[0];
const FILE = '/state/nats-users.json';

describe('EmbeddedUsers', () => {
  let files: FakeFiles;
  let told: Users[];
  let users: EmbeddedUsers;

  beforeEach(async () => {
    files = new FakeFiles();
    told = [];
    users = await EmbeddedUsers.open(files, FILE);
    users.attach({ setUsers: async (list) => void told.push(list) }, 'nats://192.0.2.10:4222');
  });

  it('are the control plane and, by and by, the hosts; one user each', async () => {
    expect(users.all()).toEqual([{ publicKey: publicKeyOf(users.serverSeed), role: 'server' }]);
    const first = await users.createForHost('h1');
    expect(first.servers).toEqual(['nats://192.0.2.10:4222']);
    const [second] = await Promise.all([users.createForHost('h1'), users.createForHost('h2')]);
    expect(users.all().map((user) => user.role)).toEqual(['server', { host: 'h1' }, { host: 'h2' }]);
    expect(told.at(-1)).toEqual(users.all());
    expect(users.all()[1]?.publicKey).toBe(publicKeyOf(second.seed));
    expect(second.seed).not.toBe(first.seed);
  });

  it('are the same after a restart; seeds of hosts are kept nowhere', async () => {
    const { seed } = await users.createForHost('h1');
    const again = await EmbeddedUsers.open(files, FILE);
    expect(again.all()).toEqual(users.all());
    expect(await files.readText(FILE)).not.toContain(seed);
  });

  it('stay as they were when the server refuses the new ones', async () => {
    users.attach({ setUsers: () => Promise.reject(new Error('no')) }, '');
    await expect(users.createForHost('h1')).rejects.toThrow('no');
    expect(users.all()).toHaveLength(1);
    users.attach({ setUsers: async () => undefined }, '');
    await expect(users.createForHost('h1')).resolves.toMatchObject({ seed: expect.stringMatching(/^SU/) });
  });

  it('are not made up anew over a file that cannot be understood', async () => {
    await files.writeAtomic(FILE, '{"hosts": 3}');
    await expect(EmbeddedUsers.open(files, FILE)).rejects.toMatchObject({ code: 'state' });
  });
});

import { createUser, publicKeyOf } from './nkey';
import { knowsSyncInterval, parseVersion, serverConfig, type ServerConfig } from './server-config';

const config = (changes: Partial<ServerConfig> = {}): string =>
  serverConfig({
    serverName: 'heddle-1',
    host: '127.0.0.1',
    port: -1,
    storeDir: '/var/lib/heddle/nats',
    portsDir: '/run/heddle',
    maxPayload: 1_048_576,
    users: undefined,
    version: parseVersion('nats-server: v2.9.10'),
    ...changes,
  });

/** The settings without the comments. */
const settings = (text: string) => JSON.parse(text.replace(/^#.*$/gm, '')) as Record<string, never>;

describe('the configuration of nats-server', () => {
  it('syncs every write where the version can, and says what is not covered where it cannot', () => {
    expect(settings(config())).toMatchObject({ jetstream: { store_dir: '/var/lib/heddle/nats' } });
    expect(config()).not.toContain('"sync_interval"');
    expect(config()).toMatch(/# .*not the loss of power/);
    const newer = config({ version: parseVersion('nats-server: v2.10.0') });
    expect(settings(newer)).toMatchObject({ jetstream: { sync_interval: 'always' } });
  });

  it.each([
    ['v2.9.10', false],
    ['v2.10.0', true],
    ['v2.12.1-RC.1', true],
    ['v3.0.0', true],
    ['v1.4.1', false],
  ])('knows of %s whether it has sync_interval', (version, known) => {
    expect(knowsSyncInterval(parseVersion(`nats-server: ${version}\n`))).toBe(known);
  });

  it('has no monitoring port', () => {
    expect(Object.keys(settings(config())).filter((key) => /http|monitor/.test(key))).toEqual([]);
  });

  it('gives users the permissions of their role', () => {
    const { publicKey } = createUser();
    const text = config({ users: [{ publicKey, role: { host: 'h1' } }] });
    expect(settings(text)['authorization']).toEqual({
      users: [
        {
          nkey: publicKey,
          permissions: {
            publish: { allow: ['heddle.from.h1.>'] },
            subscribe: {
              allow: [
                'heddle.agent.h1.>',
                '_INBOX_h1.>',
                'heddle.dist.policy',
                'heddle.dist.endpoints',
                'heddle.dist.encapsulations',
                'heddle.dist.*.h1',
              ],
            },
            allow_responses: { max: -1, ttl: '5m' },
          },
        },
      ],
    });
  });

  it('lets nobody write into it through a name or a key', () => {
    const { publicKey } = createUser();
    const text = config({ users: [{ publicKey, role: { host: '*.>"\n' } }] });
    expect(text).toContain('heddle.from.=2A=2E=3E=22=0A.>');
    expect(() => config({ users: [{ publicKey: 'U"}', role: 'server' }] })).toThrow(
      expect.objectContaining({ code: 'invalid' }),
    );
  });

  it('cannot be made for a version that cannot be read', () => {
    expect(() => parseVersion('bash: nats-server: not found')).toThrow(expect.objectContaining({ code: 'internal' }));
  });
});

describe('nkeys', () => {
  it('are made in pairs', () => {
    const { publicKey, seed } = createUser();
    expect(publicKeyOf(`${seed}\n`)).toBe(publicKey);
    expect(seed).toMatch(/^SU/);
  });

  it('are told from other texts', () => {
    expect(() => publicKeyOf('secret')).toThrow(expect.objectContaining({ code: 'invalid' }));
  });
});

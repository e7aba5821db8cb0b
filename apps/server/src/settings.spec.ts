import { readSettings } from '@heddle/service';
import { serverSettings } from './settings';

const read = (argv: string[], env: Record<string, string> = {}, root = true) =>
  readSettings(serverSettings(env, root), { argv, env });

describe('settings of the server', () => {
  it('need not be given at all', () => {
    expect(read([])).toMatchObject({
      stateDir: '/var/lib/heddle',
      runDir: '/run/heddle',
      apiHost: '127.0.0.1',
      apiPort: 4280,
      natsHost: '127.0.0.1',
      natsPort: 4222,
      natsUrl: undefined,
      natsReplicas: 1,
      lab: false,
    });
  });

  it("are in the user's own folders for whoever is not root", () => {
    expect(read([], { XDG_STATE_HOME: '/home/anna/.state', XDG_RUNTIME_DIR: '/run/user/7' }, false)).toMatchObject({
      stateDir: '/home/anna/.state/heddle',
      runDir: '/run/user/7/heddle',
    });
    expect(read([], { XDG_STATE_HOME: '/home/anna/.state' }, false).runDir).toBe('/home/anna/.state/heddle/run');
  });

  it('come from arguments before the environment', () => {
    expect(read(['--api-port', '0', '--lab'], { HEDDLE_API_PORT: '99', HEDDLE_NATS_PORT: '4333' })).toMatchObject({
      apiPort: 0,
      natsPort: 4333,
      lab: true,
    });
  });

  it('are refused all at once, with what is allowed', () => {
    const socket = `/tmp/${'x'.repeat(110)}`;
    expect(() => read(['--api-port', 'http', '--nats-replicas', '2', '--api-socket', socket])).toThrow(
      /--api-socket: is longer than 107 bytes[^]*--api-port: found "http"[^]*--nats-replicas: found string "2"; allowed are "1", "3", "5"/,
    );
  });
});

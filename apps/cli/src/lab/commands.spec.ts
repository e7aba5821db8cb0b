import { DAEMON, daemonArgv } from '../daemons/daemons';
import { labCommands } from './commands';

describe('labCommands', () => {
  it('starts the server where the lab wants it, and the agents with their configuration', () => {
    const { server, attach, agent } = labCommands('/apps');
    const places = { lab: 'demo', address: '192.0.2.10', apiSocket: '/run/x/api.sock', stateDir: '/s', runDir: '/r' };
    expect(server(places).join(' ')).toBe(
      `${process.execPath} /apps/server/dist/main.js --state-dir /s --run-dir /r --api-socket /run/x/api.sock --nats-host 192.0.2.10 --nats-port 4222 --lab`,
    );
    const host = { lab: 'demo', configFile: '/s/host.json', config: {} as Parameters<typeof attach>[0]['config'] };
    expect(attach(host)).toEqual([...daemonArgv(DAEMON.attach, '/apps'), '--config', '/s/host.json']);
    expect(agent(host)).toEqual([...daemonArgv(DAEMON.agent, '/apps'), '--config', '/s/host.json']);
  });
});

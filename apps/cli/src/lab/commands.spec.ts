import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { checkPrograms, labCommands } from './commands';

describe('labCommands', () => {
  it('starts the server where the lab wants it, and the agents with their configuration', () => {
    const { server, attach, agent } = labCommands('/apps');
    const places = { lab: 'demo', address: '192.0.2.10', apiSocket: '/run/x/api.sock', stateDir: '/s', runDir: '/r' };
    expect(server(places).join(' ')).toBe(
      `${process.execPath} /apps/server/dist/main.js --state-dir /s --run-dir /r --api-socket /run/x/api.sock --nats-host 192.0.2.10 --nats-port 4222 --lab`,
    );
    const host = { lab: 'demo', configFile: '/s/host.json', config: {} as Parameters<typeof agent>[0]['config'] };
    expect(attach(host)).toEqual([process.execPath, '/apps/agent/dist/attach.js', '--config', '/s/host.json']);
    expect(agent(host)).toEqual([process.execPath, '/apps/agent/dist/main.js', '--config', '/s/host.json']);
  });
});

describe('checkPrograms', () => {
  it('names what is not built', () => {
    const apps = mkdtempSync(path.join(tmpdir(), 'heddle-apps-'));
    try {
      mkdirSync(path.join(apps, 'agent', 'dist'), { recursive: true });
      mkdirSync(path.join(apps, 'server', 'dist'), { recursive: true });
      writeFileSync(path.join(apps, 'agent', 'dist', 'main.js'), '');
      writeFileSync(path.join(apps, 'server', 'dist', 'main.js'), '');
      expect(() => checkPrograms(apps)).toThrow(`${apps}/agent/dist/attach.js: not there, run npm run build first`);
      writeFileSync(path.join(apps, 'agent', 'dist', 'attach.js'), '');
      expect(() => checkPrograms(apps)).not.toThrow();
    } finally {
      rmSync(apps, { recursive: true });
    }
  });
});

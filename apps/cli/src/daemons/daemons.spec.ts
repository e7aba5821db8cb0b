import { EventEmitter } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { waitFor } from '@heddle/host';
import { checkBuilt, DAEMON, daemonArgv, daemonOf, DAEMONS } from './daemons';
import { runInPlace } from './run-daemon';

describe('daemonOf', () => {
  it('takes the longest name, and leaves the rest to the program', () => {
    expect(daemonOf(['agent', 'attach', '--config', 'x'])).toMatchObject({
      daemon: { program: ['agent', 'dist', 'attach.js'] },
      args: ['--config', 'x'],
    });
    expect(daemonOf(['agent', '--help'])).toMatchObject({
      daemon: { program: ['agent', 'dist', 'main.js'] },
      args: ['--help'],
    });
    expect(daemonOf(['get', 'server'])).toBeUndefined();
  });

  it('starts them by absolute paths, those of hosts with little memory', () => {
    expect(daemonArgv(DAEMON.server, '/apps')).toEqual([process.execPath, '/apps/server/dist/main.js']);
    expect(daemonArgv(DAEMON.attach, '/apps').join(' ')).toBe(
      `/usr/bin/env MALLOC_ARENA_MAX=1 ${process.execPath} --max-semi-space-size=1 --optimize-for-size /apps/agent/dist/attach.js`,
    );
  });

  it('says what to do when programs are not built', () => {
    expect(() => checkBuilt(DAEMONS, '/apps', () => true)).not.toThrow();
    expect(() => checkBuilt(DAEMONS, '/apps', (file) => file.includes('server'))).toThrow(
      '/apps/agent/dist/attach.js, /apps/agent/dist/main.js: not there, run npm run build first',
    );
  });
});

describe('runInPlace', () => {
  it('gives the exit status of the program', async () => {
    await expect(runInPlace([process.execPath, '-e', 'process.exit(7)'])).resolves.toBe(7);
  });

  it('counts a signal as shells do', async () => {
    await expect(runInPlace([process.execPath, '-e', 'process.kill(process.pid, "SIGKILL")'])).resolves.toBe(137);
  });

  it('reports a program that is not there', async () => {
    await expect(runInPlace(['/none/at/all'])).rejects.toThrow('/none/at/all cannot be run');
  });

  it('passes signals on, once each', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'heddle-daemon-'));
    const file = path.join(folder, 'said');
    const program = `
      const { appendFileSync } = require('node:fs');
      process.on('SIGTERM', () => { appendFileSync(process.argv[1], 'TERM '); process.exit(5); });
      process.on('SIGUSR2', () => appendFileSync(process.argv[1], 'USR2 '));
      setInterval(() => {}, 1000);
      appendFileSync(process.argv[1], 'ready ');`;
    const said = (): string => (existsSync(file) ? readFileSync(file, 'utf8') : '');
    const until = (text: string) =>
      waitFor(() => said() === text, { deadlineMs: 10_000, what: () => `"${text}", found "${said()}"` });
    const signals = new EventEmitter();
    try {
      const code = runInPlace([process.execPath, '-e', program, file], signals);
      await until('ready ');
      signals.emit('SIGUSR2', 'SIGUSR2');
      await until('ready USR2 ');
      signals.emit('SIGTERM', 'SIGTERM');
      expect([await code, said()]).toEqual([5, 'ready USR2 TERM ']);
      expect(signals.eventNames()).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

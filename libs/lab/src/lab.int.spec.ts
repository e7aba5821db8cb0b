import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { Lab } from './lab';
import { leftovers } from './leftovers';

const standIn = path.join(__dirname, 'testing', 'stand-in.js');
jest.setTimeout(60_000);
describe('try', () => {
  it('goes up', async () => {
    const t0 = performance.now();
    const lab = await Lab.open({
      name: 'tt',
      hosts: 3,
      onProgress: (e) => e.state !== 'started' && process.stderr.write(`${Math.round(performance.now() - t0)} ${JSON.stringify(e)}\n`),
      commands: {
        server: (c) => [process.execPath, standIn, '--tcp', `${c.address}:4222`, c.apiSocket],
        attach: ({ config }) => [process.execPath, standIn, config.plugin.socket, config.attach.socket],
        agent: ({ config }) => [process.execPath, standIn, config.agent.socket],
      },
    });
    try {
      await lab.up();
      process.stderr.write(JSON.stringify(await lab.status(), null, 1)+'\n');
      process.stderr.write(JSON.stringify(await leftovers('tt'))+'\n');
      process.stderr.write(execFileSync('ps', ['axo', 'pid,ppid,rss,args'], {encoding: 'utf8'}).split('\n').filter(l=>l.includes('/tt/')||l.includes('tt-')).join('\n')+'\n');
      process.stderr.write((await lab.host('h1').exec(['busybox','ping','-c2','-W1','192.0.2.13'])).stdout);
      process.stderr.write((await lab.host('h1').exec(['busybox','ping','-c2','-W1','192.0.2.10'])).stdout);
      process.stderr.write((await lab.host('h1').exec(['docker','-H','unix:///run/heddle/labs/tt/h1/docker.sock','info'])).stdout);
    } finally {
      const t=performance.now();
      await lab.down();
      process.stderr.write(`down ${performance.now()-t}\n`);
      process.stderr.write(JSON.stringify(await leftovers('tt'))+'\n');
    }
  });
});

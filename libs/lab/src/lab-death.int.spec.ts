import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm, truncate } from 'node:fs/promises';
import path from 'node:path';
import { SystemNetworkNamespaces, SystemProcesses } from '@heddle/host';
import type { Lab } from './lab';
import { leftovers } from './leftovers';
import { startSleeper } from './testing/engine-api';
import { openTestLab, STAND_IN, STAND_INS, testLabName } from './testing/test-lab';

const describeRoot = process.getuid?.() === 0 ? describe : describe.skip;
const NOTHING = { processes: 0, shims: 0, namespaces: 0, links: 0, mounts: 0, cgroups: 0, folders: 0 };

const processes = new SystemProcesses();
const namespaces = new SystemNetworkNamespaces(processes);

jest.setTimeout(60_000);

describeRoot('a lab that was killed from outside', () => {
  const name = testLabName('e');
  let lab: Lab;

  beforeAll(async () => {
    lab = await openTestLab({ name, hosts: 1 });
  });

  afterAll(() => lab.down());

  const host = (part: Parameters<Lab['leaf']['kill']>[0]) => () => lab.host('h1').kill(part);

  const harms: Array<[string, () => Promise<unknown>, RegExp]> = [
    ['agent of a host', host('agent'), /^h1: agent: process \d+ has ended$/],
    ['attach daemon of a host', host('attach'), /^h1: attach: /],
    ['engine of a host', host('engine'), /^h1: engine: /],
    ['holder of a host', host('holder'), /^h1: (holder|attach): /],
    ['switch of a host', host('vswitchd'), /^h1: vswitchd: /],
    ['database of a host', host('ovsdb'), /^h1: ovsdb: /],
    ['switch of the leaf', () => lab.leaf.kill('vswitchd'), /^leaf: vswitchd: /],
    ['agent of the leaf', () => lab.leaf.kill('agent'), /^leaf: agent: /],
    ['control plane', () => lab.kill('server'), /^ctl: server: /],
    ['forwarder', () => lab.kill('forwarder'), /^ctl: forwarder: /],
    [
      'everything',
      async () => (await lab.status()).nodes.map((n) => n.parts.map((p) => process.kill(p.pid ?? 0, 9))),
      /^leaf: /,
    ],
    ['namespace of a host', () => namespaces.remove(`${name}-h1`), /^h1: namespace: .* is gone$/],
    [
      'namespace of a host, with another in its place',
      async () => {
        await namespaces.remove(`${name}-ctl`);
        await namespaces.add(`${name}-ctl`);
      },
      /^ctl: namespace: .* is another one than was made$/,
    ],
    [
      'cable of a host',
      () => lab.host('h1').exec(['ip', 'link', 'del', `${name}-up`]),
      /^h1: underlay: \S+-up is gone$/,
    ],
    [
      'uplink of a host',
      () => lab.host('h1').exec(['ip', 'link', 'del', `${name}-macvlan`]),
      /^h1: macvlan: \S+-macvlan is gone$/,
    ],
    ['run folder', () => rm(`/run/heddle/labs/${name}`, { recursive: true }), /^leaf: run folder: /],
    ['run folder of a host', () => rm(`/run/heddle/labs/${name}/h1`, { recursive: true }), /^h1: run folder: /],
    ['records', () => rm(`/var/lib/heddle/labs/${name}`, { recursive: true }), /^leaf: its record is not there$/],
    ['record of the leaf', () => truncate(`/var/lib/heddle/labs/${name}/nodes/leaf/node.json`, 90), /^leaf: .*hash/],
    [
      'record of a part',
      () => rm(`/var/lib/heddle/labs/${name}/nodes/h1/parts/engine.json`),
      /^h1: engine: it was not started$/,
    ],
  ];

  it.each(harms)('in its %s is dead, and made anew by up', async (_what, harm, reason) => {
    expect((await lab.up()).state).toBe('running');
    await harm();
    expect(await lab.status()).toMatchObject({ state: 'dead', reason: expect.stringMatching(reason) });
    if (_what.includes('in its place')) {
      // That one is somebody else's now.
      await expect(lab.up()).rejects.toMatchObject({ code: 'conflict' });
      expect(await leftovers(name)).toEqual({ ...NOTHING, namespaces: 1 });
      await namespaces.remove(`${name}-ctl`);
    }
    expect((await lab.up()).state).toBe('running');
  });

  it.each(harms.filter(([what]) => ['holder of a host', 'run folder', 'records'].includes(what)))(
    'in its %s is cleared by down, containers included',
    async (_what, harm) => {
      await lab.up();
      await startSleeper(lab.host('h1').layout.engine.socket);
      await lab.host('h1').kill('engine');
      expect(await leftovers(name)).toMatchObject({ shims: 1 });
      await harm();
      await lab.down();
      expect(await leftovers(name)).toEqual(NOTHING);
    },
  );

  it('in the middle of up is dead, and cleared by down or made by up', async () => {
    for (const next of ['down', 'up'] as const) {
      const script = path.join(__dirname, 'testing', 'up-and-hang.ts');
      const hook = path.join(__dirname, 'testing', 'typescript-hook.js');
      const child = spawn(process.execPath, ['-r', hook, script, name], { stdio: ['ignore', 'pipe', 'inherit'] });
      await once(child.stdout, 'data');
      expect(await lab.status()).toMatchObject({ state: 'starting', busy: `lab up, process ${child.pid}` });
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
      expect((await lab.status()).state).toBe('dead');
      if (next === 'up') expect((await lab.up()).state).toBe('running');
      await lab.down();
      expect(await leftovers(name)).toEqual(NOTHING);
    }
  });
});

describeRoot('an up that fails', () => {
  const name = testLabName('f');
  const fail = (what: 'server' | 'attach' | 'agent') => ({
    ...STAND_INS,
    [what]: () => [process.execPath, STAND_IN, '--say', `no ${what} today`, '--exit', '3'],
  });

  it.each(['server', 'attach', 'agent'] as const)('in its %s says so and leaves nothing behind', async (what) => {
    const lab = await openTestLab({ name, hosts: 2, commands: fail(what) });
    const node = { server: 'ctl', attach: 'h[12]', agent: '(h[12]|leaf)' }[what];
    await expect(lab.up()).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(
        new RegExp(
          `^lab ${name}, ${node}, start ${what}: .* did not start: .* ended (at once )?with code 3; .*\nno ${what} today$`,
        ),
      ),
    });
    expect(await leftovers(name)).toEqual(NOTHING);
  });

  it('because a part never gets ready says what it said last', async () => {
    const commands = {
      ...STAND_INS,
      agent: () => [process.execPath, STAND_IN, '--say', 'half way', `/tmp/${name}.sock`],
    };
    const lab = await openTestLab({ name, hosts: 1, commands, partDeadlineMs: 1_500 });
    await expect(lab.up()).rejects.toThrow(/gave up waiting for agent to be ready after 1500 ms; .*\nhalf way$/);
    expect(await leftovers(name)).toEqual(NOTHING);
    await rm(`/tmp/${name}.sock`, { force: true });
  });

  it('for want of credentials, or by its caller, leaves nothing behind', async () => {
    const credentials = (): Promise<string> => Promise.reject(new Error('no such user'));
    await expect((await openTestLab({ name, hosts: 1, credentials })).up()).rejects.toThrow('no such user');
    const abort = new AbortController();
    const hang = (): Promise<string> => {
      abort.abort(new Error('interrupted'));
      return new Promise(() => undefined);
    };
    const lab = await openTestLab({ name, hosts: 1, credentials: hang });
    await expect(lab.up(abort.signal)).rejects.toThrow('interrupted');
    expect(await leftovers(name)).toEqual(NOTHING);
  });

  it('leaves alone a namespace that happens to have its name', async () => {
    const other = `${name}-h1`;
    await namespaces.add(other);
    try {
      const lab = await openTestLab({ name, hosts: 1 });
      await expect(lab.up()).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining(other) });
      await expect(lab.hostUp('h1')).rejects.toMatchObject({ code: 'conflict' });
      await lab.hostDown('h1');
      await lab.down();
      expect(await namespaces.inode(other)).toBeDefined();
      expect(await leftovers(name)).toEqual({ ...NOTHING, namespaces: 1 });
    } finally {
      await namespaces.remove(other);
    }
  });

  it('in one host more leaves the hosts before as they were', async () => {
    const lab = await openTestLab({ name, hosts: 1 });
    try {
      const before = await lab.up();
      const more = await openTestLab({ name, hosts: 2, commands: fail('agent') });
      await expect(more.up()).rejects.toThrow('no agent today');
      await expect(more.hostUp('h7')).rejects.toThrow('no agent today');
      expect(await lab.status()).toEqual(before);
    } finally {
      await lab.down();
    }
  });
});

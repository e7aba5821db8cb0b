import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { build, isBuilt } from './build.mjs';
import { sameInstallation } from './dependencies.mjs';
import { hasKernel, keepKernel } from './kernel.mjs';
import { isStatic, missingPrograms, withDaemonsHeldBack } from './packages.mjs';
import { run } from './run.mjs';

let folder;
before(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'heddle-setup-'));
});
after(() => rmSync(folder, { recursive: true }));

describe('programs', () => {
  it('are missing where they are not found, or cannot be used', () => {
    const bin = path.join(folder, 'bin');
    mkdirSync(bin);
    for (const name of ['dockerd', 'containerd', 'runc', 'ip', 'busybox']) {
      writeFileSync(path.join(bin, name), '#!/bin/sh\n');
      chmodSync(path.join(bin, name), 0o755);
    }
    writeFileSync(path.join(bin, 'nft'), '');
    const packages = missingPrograms('setup', bin).map((entry) => entry.package);
    assert.deepEqual(
      packages.filter((name) => ['docker.io', 'iproute2', 'nftables', 'busybox-static', 'nats-server'].includes(name)),
      ['nats-server', 'nftables', 'busybox-static'],
    );
  });

  it('are asked for where their purpose needs them', () => {
    const ofTests = ['iperf3', 'qemu-system-x86'];
    const missing = (purpose) => missingPrograms(purpose, folder).map((entry) => entry.package);
    assert.deepEqual(missing('setup'), missing('demo'));
    assert.deepEqual(missing('test'), [...missing('setup'), ...ofTests]);
    assert.deepEqual(missing('bench'), [...missing('setup'), 'iperf3']);
  });

  it('are static or not by their headers', () => {
    assert.equal(isStatic('/bin/sh'), false);
    const elf = Buffer.alloc(0x78);
    elf.write('\x7fELF', 'latin1');
    elf.set([2, 1], 4);
    elf.writeBigUInt64LE(0x40n, 0x20);
    elf.writeUInt16LE(0x38, 0x36);
    elf.writeUInt16LE(1, 0x38);
    for (const [type, expected] of [
      [1, true],
      [3, false],
    ]) {
      elf.writeUInt32LE(type, 0x40);
      writeFileSync(path.join(folder, 'elf'), elf);
      assert.equal(isStatic(path.join(folder, 'elf')), expected);
    }
  });
});

describe('the kernel of virtual machines', () => {
  const modinfo = (name, ...depends) => `code\0name=${name}\0depends=${depends.join(',')}\0license=GPL\0`;
  /** The same for `net_failover`, as xz makes it. */
  const COMPRESSED =
    '/Td6WFoAAAFpIt42AgAhARwAAAAQz1jMAQArY29kZQBuYW1lPW5ldF9mYWlsb3ZlcgBkZXBlbmRzPQBsaWNlbnNlPUdQTAAAwOHf/QABQCzNlifikEKZDQEAAAAAAVla';
  const system = () => path.join(folder, 'kernel-package');
  const kept = () => path.join(folder, 'kernel');
  const putModule = (file, text) => {
    const whole = path.join(system(), 'lib/modules/6.1.0/kernel', file);
    mkdirSync(path.dirname(whole), { recursive: true });
    writeFileSync(whole, text);
    return whole;
  };

  it('is its image and the drivers that are needed, in an order in which they can be loaded', async () => {
    mkdirSync(path.join(system(), 'boot'), { recursive: true });
    writeFileSync(path.join(system(), 'boot', 'vmlinuz-6.1.0'), 'image');
    putModule('virtio/virtio_pci.ko', modinfo('virtio_pci', 'virtio', 'virtio_ring'));
    putModule('virtio/virtio.ko', modinfo('virtio', 'virtio_ring'));
    putModule('virtio/virtio_ring.ko', modinfo('virtio_ring'));
    putModule('net/virtio_net.ko', modinfo('virtio_net', 'virtio', 'net-failover'));
    putModule('net/net_failover.ko', modinfo('net_failover'));
    putModule('sound/snd.ko', modinfo('snd'));
    await assert.rejects(keepKernel(system(), kept()), /the kernel 6.1.0 has no module virtio_console/);
    assert.equal(hasKernel(kept()), false);

    putModule('char/virtio_console.ko', modinfo('virtio_console', 'virtio_ring'));
    rmSync(kept(), { recursive: true });
    await keepKernel(system(), kept());
    assert.equal(hasKernel(kept()), true);
    const { modules, ...manifest } = JSON.parse(readFileSync(path.join(kept(), 'kernel.json'), 'utf8'));
    assert.deepEqual(manifest, { version: '6.1.0', image: 'vmlinuz' });
    assert.deepEqual(modules, [
      'virtio_ring.ko',
      'virtio.ko',
      'virtio_pci.ko',
      'net_failover.ko',
      'virtio_net.ko',
      'virtio_console.ko',
    ]);
    assert.equal(readFileSync(path.join(kept(), 'net_failover.ko'), 'utf8'), modinfo('net_failover'));
    assert.equal(readFileSync(path.join(kept(), 'vmlinuz'), 'utf8'), 'image');
  });

  it('may have its drivers compressed', { skip: !existsSync('/usr/bin/busybox') && 'no busybox' }, async () => {
    writeFileSync(path.join(system(), 'boot', 'vmlinuz-6.1.0'), 'image');
    rmSync(path.join(system(), 'lib/modules/6.1.0/kernel/net/net_failover.ko'));
    putModule('net/net_failover.ko.xz', Buffer.from(COMPRESSED, 'base64'));
    rmSync(kept(), { recursive: true });
    await keepKernel(system(), kept());
    assert.equal(readFileSync(path.join(kept(), 'net_failover.ko'), 'utf8'), modinfo('net_failover'));
  });
});

describe('policy-rc.d', () => {
  const file = () => path.join(folder, 'policy-rc.d');

  it('forbids daemons meanwhile, and is gone afterwards', async () => {
    await withDaemonsHeldBack(async () => {
      await assert.rejects(run([file(), 'docker', 'start']), /failed with code 101/);
    }, file());
    assert.equal(existsSync(file()), false);
  });

  it('is as it was before, also after a failure', async () => {
    writeFileSync(file(), 'mine');
    const failing = withDaemonsHeldBack(async () => {
      throw new Error('no network');
    }, file());
    await assert.rejects(failing, /no network/);
    assert.equal(readFileSync(file(), 'utf8'), 'mine');
  });

  it('is as it was before also when an earlier set-up was killed in the middle', async () => {
    const script = `import { withDaemonsHeldBack } from ${JSON.stringify(new URL('packages.mjs', import.meta.url).href)};
      await withDaemonsHeldBack(async () => process.kill(process.pid, 'SIGKILL'), process.argv[1]);`;
    await assert.rejects(run([process.execPath, '--input-type=module', '-e', script, file()]), /SIGKILL/);
    assert.notEqual(readFileSync(file(), 'utf8'), 'mine');
    await withDaemonsHeldBack(async () => undefined, file());
    assert.equal(readFileSync(file(), 'utf8'), 'mine');
    rmSync(file());
  });
});

describe('run', () => {
  it('waits for the command when it is interrupted itself, so that undoing comes after it', async () => {
    const script = `import { run } from ${JSON.stringify(new URL('run.mjs', import.meta.url).href)};
      setTimeout(() => process.kill(process.pid, 'SIGTERM'), 200);
      await run(['sh', '-c', 'trap "sleep 0.3; echo late; exit 1" TERM; sleep 10 & wait'])
        .catch((error) => { console.error(error.message); process.exitCode = 7; });`;
    await assert.rejects(run([process.execPath, '--input-type=module', '-e', script]), /ended by SIGTERM:\nlate/);
  });
});

describe('an installation', () => {
  const lock = {
    '': { name: 'heddle' },
    'libs/a': { version: '0.1.0' },
    'node_modules/@heddle/a': { resolved: 'libs/a', link: true },
    'node_modules/x': { version: '1.0.0', integrity: 'sha512-x' },
    'node_modules/other-system': { version: '1.0.0', optional: true },
  };
  const { '': _root, 'node_modules/other-system': _optional, ...installed } = lock;

  it('is in step with all that is not optional', () => {
    assert.equal(sameInstallation(lock, installed), true);
  });

  it('is not in step when something is missing, other or more', () => {
    const { 'node_modules/x': x, ...without } = installed;
    assert.equal(sameInstallation(lock, without), false);
    assert.equal(sameInstallation(lock, { ...without, 'node_modules/x': { ...x, version: '1.0.1' } }), false);
    assert.equal(sameInstallation(lock, { ...installed, 'node_modules/y': { version: '1.0.0' } }), false);
  });
});

describe('a build', () => {
  it('counts for its sources only', async () => {
    const root = path.join(folder, 'project');
    for (const name of ['libs/a/src', 'libs/a/dist', 'deploy', 'node_modules/.bin']) {
      mkdirSync(path.join(root, name), { recursive: true });
    }
    for (const [name, text] of Object.entries({
      'package.json': '{"workspaces":["libs/*","apps/*"]}',
      'package-lock.json': '{}',
      'tsconfig.base.json': '{}',
      'nx.json': '{}',
      'deploy/compile.mjs': '',
      'deploy/bundle.mjs': '',
      'deploy/swc.mjs': '',
      'libs/a/project.json': '{"targets":{"build":{}}}',
      'libs/a/src/x.ts': '',
    })) {
      writeFileSync(path.join(root, name), text);
    }
    writeFileSync(path.join(root, 'node_modules/.bin/nx'), '#!/bin/sh\n', { mode: 0o755 });
    assert.equal(isBuilt(root), false);
    await build(root, () => undefined);
    assert.equal(isBuilt(root), true);
    writeFileSync(path.join(root, 'libs/a/dist/x.js'), 'built');
    assert.equal(isBuilt(root), true);
    writeFileSync(path.join(root, 'libs/a/src/x.ts'), 'changed');
    assert.equal(isBuilt(root), false);
    await build(root, () => undefined);
    rmSync(path.join(root, 'libs/a/dist'), { recursive: true });
    assert.equal(isBuilt(root), false);
  });

  it('that fails does not count, and says why', async () => {
    const root = path.join(folder, 'project');
    writeFileSync(path.join(root, 'node_modules/.bin/nx'), '#!/bin/sh\necho "x.ts: error TS1005"; exit 1\n');
    await assert.rejects(
      build(root, () => undefined),
      /failed with code 1:\nx.ts: error TS1005/,
    );
    assert.equal(isBuilt(root), false);
  });
});

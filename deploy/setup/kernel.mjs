import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { run } from './run.mjs';

/**
 * The kernel that the virtual machines of the tests boot: Debian's for clouds, which is small and has the drivers that they
 * need. It is unpacked beside the system and never installed, because a kernel that is installed is what the machine itself
 * boots next time.
 */
export const KERNEL_FOLDER = '/var/cache/heddle/guest-kernel';
const PACKAGE = 'linux-image-cloud-amd64';

/** Drivers of a virtual machine's network card and console; what they need in turn is found. */
const DRIVERS = ['virtio_pci', 'virtio_net', 'virtio_console'];

/** Written last: `{ version, image, modules }`, files beside it, modules in the order in which they can be loaded. */
const MANIFEST = 'kernel.json';

/** Whether virtual machines have a kernel to boot. */
export const hasKernel = (folder = KERNEL_FOLDER) => existsSync(path.join(folder, MANIFEST));

/** Fetches the kernel package and keeps what is needed of it. @throws Error when it cannot be had */
export async function fetchKernel(log, folder = KERNEL_FOLDER) {
  log('fetching a kernel for the virtual machines of the tests; it is not installed');
  mkdirSync(path.dirname(folder), { recursive: true });
  const work = mkdtempSync(`${folder}.`);
  try {
    await run(['apt-get', 'update', '-q', '-o', 'DPkg::Lock::Timeout=300']);
    const name = dependencyIn((await run(['apt-cache', 'depends', PACKAGE])).trim());
    await run(['apt-get', 'download', '-q', '-o', 'APT::Sandbox::User=root', name], { cwd: work });
    const file = readdirSync(work).find((entry) => entry.endsWith('.deb'));
    await run(['dpkg-deb', '--extract', file, 'system'], { cwd: work });
    await keepKernel(path.join(work, 'system'), path.join(work, 'kept'));
    rmSync(folder, { recursive: true, force: true });
    renameSync(path.join(work, 'kept'), folder);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The one package of a kernel's version, on which the package without a version depends. */
function dependencyIn(text) {
  const name = /^\s*Depends: (linux-image-\S+)$/m.exec(text)?.[1];
  if (name === undefined) throw new Error(`apt-cache names no kernel that ${PACKAGE} depends on, but says:\n${text}`);
  return name;
}

/**
 * Copies image and drivers out of an unpacked kernel package.
 *
 * @param {string} system the unpacked package
 * @param {string} folder where they are put; must not be there yet
 */
export async function keepKernel(system, folder) {
  const image = readdirSync(path.join(system, 'boot')).find((entry) => entry.startsWith('vmlinuz-'));
  if (image === undefined) throw new Error(`the kernel package has no image in ${path.join(system, 'boot')}`);
  const version = image.slice('vmlinuz-'.length);
  const files = moduleFiles(path.join(system, 'lib', 'modules', version));
  mkdirSync(folder, { recursive: true });
  const modules = [];
  /** Those that a module needs come before it. */
  const keep = async (name) => {
    if (modules.includes(`${name}.ko`)) return;
    const file = files.get(name);
    if (file === undefined) throw new Error(`the kernel ${version} has no module ${name}`);
    // Later kernels of Debian have them compressed, and what loads them in the machine cannot read that.
    if (file.endsWith('.xz')) await run(['busybox', 'unxz', file]);
    const content = readFileSync(file.replace(/\.xz$/, ''));
    for (const needed of dependenciesOf(content)) await keep(needed);
    writeFileSync(path.join(folder, `${name}.ko`), content);
    modules.push(`${name}.ko`);
  };
  for (const driver of DRIVERS) await keep(driver);
  renameSync(path.join(system, 'boot', image), path.join(folder, 'vmlinuz'));
  writeFileSync(path.join(folder, MANIFEST), `${JSON.stringify({ version, image: 'vmlinuz', modules }, null, 2)}\n`);
}

/** The module files below a folder by name; the same module is written with `-` or `_`. */
function moduleFiles(folder) {
  const entries = readdirSync(folder, { recursive: true });
  return new Map(
    entries
      .filter((entry) => /\.ko(\.xz)?$/.test(entry))
      .map((entry) => [
        path
          .basename(entry)
          .replace(/\.ko(\.xz)?$/, '')
          .replaceAll('-', '_'),
        path.join(folder, entry),
      ]),
  );
}

/** What a module says of itself in its section `.modinfo`: strings that end with a zero. */
function dependenciesOf(content) {
  const names = /\0depends=([^\0]*)\0/.exec(content.toString('latin1'))?.[1] ?? '';
  return names === '' ? [] : names.split(',').map((name) => name.replaceAll('-', '_'));
}

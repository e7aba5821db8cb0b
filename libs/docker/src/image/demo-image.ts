import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { access, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { HeddleError } from '@heddle/model';
import type { Engine } from '../engine';
import { isStaticElf, sharedObjects } from './elf';
import { imageTar, type TarEntry } from './image-tar';

export const DEMO_IMAGE = 'heddle/demo:latest';

export interface DemoImageOptions {
  /** Default {@link DEMO_IMAGE}. */
  readonly tag?: string;
  /** A static busybox. Default `/bin/busybox`, from Debian's package `busybox-static`. */
  readonly busyboxPath?: string;
  /** For UDP echo; without the file the image serves TCP only. Default `/usr/bin/perl`. */
  readonly perlPath?: string;
  /** The folder with `rootfs/`. Default: `deploy/images/demo` in a directory above this file. */
  readonly contextDir?: string;
}

/** Label of the image with the hash of what it was made of. */
const CONTENT_LABEL = 'heddle.image.content';

const APPLETS = [
  ...[
    '[',
    'arping',
    'awk',
    'cat',
    'cut',
    'date',
    'dd',
    'echo',
    'env',
    'expr',
    'false',
    'free',
    'grep',
    'head',
    'hostname',
  ],
  ...[
    'httpd',
    'id',
    'ip',
    'kill',
    'ls',
    'mkdir',
    'nc',
    'netstat',
    'nslookup',
    'ping',
    'printf',
    'ps',
    'rm',
    'sed',
    'seq',
  ],
  ...[
    'sh',
    'sleep',
    'sort',
    'stat',
    'tail',
    'test',
    'timeout',
    'top',
    'touch',
    'tr',
    'true',
    'uname',
    'usleep',
    'vi',
    'wc',
  ],
  ...['wget', 'yes'],
];

/** Mount points and places that programs expect. */
const DIRECTORIES: readonly TarEntry[] = [
  ...['dev', 'proc', 'sys', 'run', 'etc'].map((name) => ({ path: name, type: 'directory' as const, mode: 0o755 })),
  { path: 'tmp', type: 'directory', mode: 0o1777 },
];

/**
 * Makes the example image from what is on this machine, without a registry, and imports it, unless the engine has it
 * with the same content already. Fails with `not-found` when busybox is missing or not static.
 */
export async function buildDemoImage(
  engine: Engine,
  options: DemoImageOptions = {},
): Promise<{ readonly id: string; readonly built: boolean }> {
  const tag = options.tag ?? DEMO_IMAGE;
  const tar = imageTar(await demoImageEntries(options));
  const instructions = [
    'ENV PATH=/bin:/usr/bin:/demo',
    'USER 65534:65534',
    'WORKDIR /',
    'ENTRYPOINT ["/demo/entrypoint"]',
  ];
  const content = createHash('sha256').update(tar).update(instructions.join('\n')).digest('hex');
  if (await engine.imageExists(tag)) {
    const present = await engine.inspectImage(tag);
    if (present.labels[CONTENT_LABEL] === content) return { id: present.id, built: false };
  }
  const id = await engine.importImage(tar, tag, [...instructions, `LABEL ${CONTENT_LABEL}=${content}`]);
  return { id, built: true };
}

/** The files of the image. Reads only; the same files give the same entries. */
export async function demoImageEntries(options: DemoImageOptions = {}): Promise<TarEntry[]> {
  const rootfs = path.join(options.contextDir ?? findContext(), 'rootfs');
  return [
    ...DIRECTORIES,
    ...(await busybox(options.busyboxPath ?? '/bin/busybox')),
    ...(await perl(options.perlPath ?? '/usr/bin/perl')),
    ...(await tree(rootfs)),
  ];
}

async function busybox(program: string): Promise<TarEntry[]> {
  const advice = 'install the package busybox-static, or name another path';
  const content = await readFile(program).catch((cause: unknown) => {
    throw new HeddleError('not-found', `no busybox at ${program}; ${advice}`, { cause });
  });
  if (!isStaticElf(content)) throw new HeddleError('not-found', `${program} is not a static program; ${advice}`);
  const links = APPLETS.map((name): TarEntry => ({ path: `bin/${name}`, type: 'symlink', target: 'busybox' }));
  return [{ path: 'bin/busybox', type: 'file', content, mode: 0o755 }, ...links];
}

async function perl(program: string): Promise<TarEntry[]> {
  const present = await access(program).then(
    () => true,
    () => false,
  );
  if (!present) return [];
  const libraries = await sharedObjects(program);
  return Promise.all([
    hostFile(program, 'usr/bin/perl'),
    ...libraries.map((library) => hostFile(library, library.replace(/^\/+/, ''))),
  ]);
}

async function hostFile(source: string, target: string): Promise<TarEntry> {
  return { path: target, type: 'file', content: await readFile(source), mode: 0o755 };
}

async function tree(root: string, below = ''): Promise<TarEntry[]> {
  const entries = await readdir(path.join(root, below), { withFileTypes: true });
  const found = await Promise.all(
    entries.map(async (entry): Promise<TarEntry[]> => {
      const at = below ? `${below}/${entry.name}` : entry.name;
      if (entry.isDirectory()) return tree(root, at);
      if (!entry.isFile()) throw new HeddleError('invalid', `${path.join(root, at)} is neither file nor directory`);
      const content = await readFile(path.join(root, at));
      // A checkout may have lost the modes.
      const mode = content.subarray(0, 2).toString('latin1') === '#!' ? 0o755 : 0o644;
      return [{ path: at, type: 'file', content, mode }];
    }),
  );
  return found.flat();
}

function findContext(): string {
  for (let dir = __dirname; dir !== path.dirname(dir); dir = path.dirname(dir)) {
    const context = path.join(dir, 'deploy', 'images', 'demo');
    if (existsSync(path.join(context, 'rootfs'))) return context;
  }
  throw new HeddleError('not-found', `no deploy/images/demo above ${__dirname}; name the folder of the demo image`);
}

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { run } from './run.mjs';

/** Files outside the projects that the build of each depends on. */
const SHARED = [
  ...['package-lock.json', 'tsconfig.base.json', 'nx.json'],
  ...['deploy/compile.mjs', 'deploy/bundle.mjs', 'deploy/swc.mjs'],
];
const NOT_BUILT = new Set(['dist', 'node_modules', 'coverage']);

const stampFile = (root) => path.join(root, 'node_modules', '.cache', 'heddle', 'build');

/** Whether the last build was of exactly these sources, and its results are still there. */
export function isBuilt(root) {
  const stamp = stampFile(root);
  return (
    existsSync(stamp) &&
    readFileSync(stamp, 'utf8') === sourcesDigest(root) &&
    projects(root).every((project) => existsSync(path.join(root, project, 'dist')))
  );
}

/** Builds all projects. Nx does only what its cache does not hold, and asks nobody outside. */
export async function build(root, log) {
  log('build');
  const digest = sourcesDigest(root);
  const nx = path.join(root, 'node_modules', '.bin', 'nx');
  const env = { ...process.env, CI: 'true', NX_DAEMON: 'false', NX_NO_CLOUD: 'true', NX_TUI: 'false' };
  await run([nx, 'run-many', '-t', 'build', '--output-style=static'], { cwd: root, env });
  mkdirSync(path.dirname(stampFile(root)), { recursive: true });
  writeFileSync(stampFile(root), digest);
}

/** Folders of the workspace's packages that are built. */
function projects(root) {
  const { workspaces } = readJson(root, 'package.json');
  const folders = workspaces.flatMap((pattern) => {
    if (!pattern.endsWith('/*')) return [pattern];
    const group = pattern.slice(0, -'/*'.length);
    return existsSync(path.join(root, group))
      ? readdirSync(path.join(root, group)).map((name) => `${group}/${name}`)
      : [];
  });
  return folders.filter((folder) => {
    const file = path.join(folder, 'project.json');
    return existsSync(path.join(root, file)) && readJson(root, file).targets?.build !== undefined;
  });
}

function readJson(root, file) {
  return JSON.parse(readFileSync(path.join(root, file), 'utf8'));
}

/** A hash over name, size and time of change of everything that the build reads. */
function sourcesDigest(root) {
  const hash = createHash('sha256');
  const add = (file) => {
    const { size, mtimeMs } = statSync(path.join(root, file));
    hash.update(`${file}\0${size}\0${mtimeMs}\n`);
  };
  SHARED.forEach(add);
  for (const project of projects(root)) filesBelow(root, project).forEach(add);
  return hash.digest('hex');
}

function filesBelow(root, folder) {
  return readdirSync(path.join(root, folder), { withFileTypes: true })
    .filter((entry) => !NOT_BUILT.has(entry.name))
    .flatMap((entry) => {
      const name = path.join(folder, entry.name);
      return entry.isDirectory() ? filesBelow(root, name) : [name];
    })
    .sort();
}

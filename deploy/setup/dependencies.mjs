import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { run } from './run.mjs';

/** Whether node_modules holds what package-lock.json asks for, by npm's own record of what it has installed. */
export function isInStep(root) {
  const record = path.join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(record)) return false;
  return sameInstallation(readLock(path.join(root, 'package-lock.json')), readLock(record));
}

function readLock(file) {
  return JSON.parse(readFileSync(file, 'utf8')).packages;
}

/**
 * Compares the `packages` of a lock file with those of npm's record of an installation. Optional packages may be absent:
 * they are for other systems.
 */
export function sameInstallation(wanted, installed) {
  const isSame = (a, b) => a.version === b.version && a.integrity === b.integrity && a.link === b.link;
  const names = Object.keys(wanted).filter((name) => name !== '');
  return (
    names.every((name) => (installed[name] ? isSame(wanted[name], installed[name]) : wanted[name].optional === true)) &&
    Object.keys(installed).every((name) => wanted[name] !== undefined)
  );
}

/** Installs exactly what package-lock.json asks for. No package runs a script of its own. */
export async function installDependencies(root, log) {
  log('npm ci');
  await run(['npm', 'ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: root });
}

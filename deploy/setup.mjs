#!/usr/bin/env node
/**
 * Sets the machine up for Heddle: Debian packages that are missing, npm packages, build. What is in place is left as it
 * is, and nothing that runs is stopped, restarted or reconfigured. Needs nothing but Node itself.
 *
 *   node deploy/setup.mjs
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, isBuilt } from './setup/build.mjs';
import { installDependencies, isInStep } from './setup/dependencies.mjs';
import { fetchKernel, hasKernel } from './setup/kernel.mjs';
import { aptCommands, installPackages, isDebian, missingPrograms } from './setup/packages.mjs';

/** The command by which each purpose is reached, and whether it is of any use without root. */
const PURPOSES = {
  setup: { command: 'run setup', needsRoot: false },
  demo: { command: 'run demo', needsRoot: true },
  bench: { command: 'run bench', needsRoot: true },
  test: { command: 'test', needsRoot: false },
};

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

/**
 * @param {object} [options]
 * @param {'setup' | 'demo' | 'bench' | 'test'} [options.purpose] what for: tests go on without what needs root, demo and
 *   benches do not
 * @param {(line: string) => void} [options.log]
 * @returns {Promise<boolean>} whether everything that the purpose needs is in place; if not, it was said what to do
 */
export async function setup({ purpose = 'setup', log = (line) => console.log(`set-up: ${line}`) } = {}) {
  const started = performance.now();
  try {
    if (!nodeIsRecent(log)) return false;
    if (!(await packagesArePresent(purpose, log))) return false;
    if (purpose === 'test') await provideKernel(log);
    if (!isInStep(ROOT)) await installDependencies(ROOT, log);
    if (!isBuilt(ROOT)) await build(ROOT, log);
  } catch (error) {
    log(error instanceof Error ? error.message : String(error));
    return false;
  }
  log(`everything is in place (${((performance.now() - started) / 1000).toFixed(1)} s)`);
  return true;
}

function nodeIsRecent(log) {
  const { engines } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8'));
  const wanted = engines.node.replace('>=', '');
  if (compareVersions(process.versions.node, wanted) >= 0) return true;
  log(`Node ${wanted} or later is needed, this is ${process.versions.node}: see https://nodejs.org/en/download`);
  return false;
}

/** Negative, zero or positive, as `a` is older than, the same as or newer than `b`. */
function compareVersions(a, b) {
  const [left, right] = [a, b].map((version) => version.split('.').map(Number));
  for (let i = 0; i < 3; i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

async function packagesArePresent(purpose, log) {
  const isRoot = process.getuid?.() === 0;
  const { command, needsRoot } = PURPOSES[purpose];
  const again = `sudo env "PATH=$PATH" npm ${command}`;
  if (needsRoot && !isRoot) {
    log('this makes network namespaces and starts Docker Engines in them, which needs root. Please run:');
    log(`  ${again}`);
    return false;
  }
  if (purpose === 'test' && !isRoot) log(`not root: what needs root is skipped. All of it runs with: ${again}`);
  const missing = missingPrograms(purpose);
  if (missing.length === 0) return true;

  const programs = missing.flatMap((entry) => entry.programs).join(', ');
  const packages = missing.map((entry) => entry.package);
  if (!isDebian()) {
    log(`these programs are not found: ${programs}`);
    log(`this system is no Debian, so please install them yourself; there they are the packages ${packages.join(' ')}`);
    return purpose === 'test' && !isRoot;
  }
  if (!isRoot) {
    log(`these programs are not found: ${programs}`);
    if (purpose === 'test') return true;
    log('installing them needs root. Please run this, which also keeps their daemons from being started:');
    log(`  ${again}`);
    log('or install them yourself, and then run this again:');
    for (const command of aptCommands(packages)) log(`  sudo ${command.join(' ')}`);
    return false;
  }
  await installPackages(packages, log);
  const still = missingPrograms(purpose).flatMap((entry) => entry.programs);
  if (still.length > 0) throw new Error(`the packages are installed, but these programs are still not found: ${still}`);
  return true;
}

/** Without it only the tests with virtual machines are skipped, so that it cannot be had is no reason to give up. */
async function provideKernel(log) {
  if (hasKernel() || process.getuid?.() !== 0 || !isDebian()) return;
  try {
    await fetchKernel(log);
  } catch (error) {
    log(`there is no kernel for virtual machines, so tests with them are skipped: ${error.message}`);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.exitCode = (await setup()) ? 0 : 1;
}

#!/usr/bin/env node
/**
 * npm run bench -- NAME: set-up, then one bench; prints what was measured, under what conditions, and whether it meets its
 * goal. Without a name, lists the benches. They are never part of the tests.
 *
 *   --json   the last line is one JSON object: {name, conditions, measures: [{name, value, unit, goal, met, peer?}]}
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { setup } from './setup.mjs';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const FOLDER = path.join(ROOT, 'test', 'bench');
const BENCHES = JSON.parse(readFileSync(path.join(FOLDER, 'benches.json'), 'utf8'));

function list() {
  const width = Math.max(...Object.keys(BENCHES).map((name) => name.length));
  for (const [name, summary] of Object.entries(BENCHES)) console.log(`${name.padEnd(width)}  ${summary}`);
  console.log('\nnpm run bench -- NAME [--json]');
}

/** Runs the bench as a process of its own, which ends in order what it has started when it gets a signal. */
function run(args) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [path.join(FOLDER, 'dist', 'main.js'), ...args], { stdio: 'inherit' });
    // A terminal sends its signals to both; a signal to this process alone is passed on.
    for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
}

const args = process.argv.slice(2);
const names = args.filter((arg) => arg !== '--json');
if (args.length === 0) {
  list();
} else if (names.length !== 1 || !Object.hasOwn(BENCHES, names[0])) {
  console.error(`bench: found ${args.join(' ')}; allowed is one of ${Object.keys(BENCHES).join(', ')}, and --json`);
  process.exitCode = 2;
} else if (await setup({ purpose: 'bench' })) {
  process.exitCode = await run(args);
} else {
  console.error('bench: the machine is not set up; what to do is said above');
  process.exitCode = 1;
}

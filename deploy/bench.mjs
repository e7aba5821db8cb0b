#!/usr/bin/env node
/**
 * npm run bench -- NAME: set-up, then one bench; prints what was measured, under what conditions, and whether it meets its
 * goal. Without a name, lists the benches. They are never part of the tests.
 *
 *   --json          the last line is one JSON object: {name, conditions, measures: [{name, value, unit, goal, met, ...}]}
 *   --quick         few and short samples, to see that it works; where the bench has that
 *   --picture FILE  the result as an image in SVG; where the bench has one
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { setup } from './setup.mjs';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const FOLDER = path.join(ROOT, 'test', 'bench');
const BENCHES = JSON.parse(readFileSync(path.join(FOLDER, 'benches.json'), 'utf8'));

function list() {
  const width = Math.max(...Object.keys(BENCHES).map((name) => name.length));
  for (const [name, summary] of Object.entries(BENCHES)) console.log(`${name.padEnd(width)}  ${summary}`);
  console.log('\nnpm run bench -- NAME [--json] [--quick] [--picture FILE]');
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

/** @throws Error that says what was found and what is allowed */
function check(args) {
  const options = { json: { type: 'boolean' }, quick: { type: 'boolean' }, picture: { type: 'string' } };
  const { positionals } = parseArgs({ args, allowPositionals: true, options });
  if (positionals.length === 1 && Object.hasOwn(BENCHES, positionals[0])) return;
  throw new Error(`found ${args.join(' ')}; allowed is one of ${Object.keys(BENCHES).join(', ')}`);
}

async function main(args) {
  if (args.length === 0) {
    list();
    return 0;
  }
  try {
    check(args);
  } catch (error) {
    console.error(`bench: ${error.message}`);
    return 2;
  }
  if (await setup({ purpose: 'bench' })) return run(args);
  console.error('bench: the machine is not set up; what to do is said above');
  return 1;
}

process.exitCode = await main(process.argv.slice(2));

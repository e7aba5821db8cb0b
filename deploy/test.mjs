#!/usr/bin/env node
/**
 * npm test: set-up, lint with the layer rules, type check, unit and integration tests (real nats-server, OVS, Docker), then
 * the end-to-end tests in a real lab. The last line reads `N passed, N failed, N skipped`.
 *
 *   --long        more seeds and repetitions of the same code
 *   --no-skips    a skipped test counts as a failure (used by .ci/run)
 *   --only WORDS  comma-separated: lint, types, unit, e2e
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { setup } from './setup.mjs';
import { hasKernel } from './setup/kernel.mjs';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const RESULTS = path.join(ROOT, '.test-results');
const args = process.argv.slice(2);
const long = args.includes('--long');
const only = args.includes('--only') ? args[args.indexOf('--only') + 1].split(',') : undefined;
const wanted = (step) => !only || only.includes(step);

/** What of the machine decides which tests can run: results that Nx keeps are those of such a machine. */
const machine = [
  process.getuid?.(),
  ...['dockerd', 'ovs-vswitchd', 'nats-server', 'iperf3', 'qemu-system-x86_64', 'terraform', 'tofu'].filter(
    isInstalled,
  ),
  ...(hasKernel() ? ['guest-kernel'] : []),
];

/** The long run is the same code with more seeds and repetitions. */
const env = {
  ...process.env,
  NX_DAEMON: 'false',
  NX_NO_CLOUD: 'true',
  HEDDLE_TEST_MACHINE: machine.join(' '),
  HEDDLE_TEST_SEED: process.env.HEDDLE_TEST_SEED ?? (long ? String(Date.now() % 2 ** 31) : '20261124'),
  HEDDLE_TEST_RUNS: long ? '1000' : '100',
  HEDDLE_ORACLE_POLICIES: long ? '100000' : '2000',
  HEDDLE_FIRST_PACKET_STARTS: long ? '1000' : '50',
};

function isInstalled(program) {
  const folders = [...(process.env.PATH ?? '').split(path.delimiter), '/usr/sbin', '/sbin'];
  return folders.some((folder) => existsSync(path.join(folder, program)));
}

const bin = (name) => path.join(ROOT, 'node_modules', '.bin', name);

/** Runs a command with its output shown; resolves to whether it succeeded. */
function run(argv, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(argv[0], argv.slice(1), {
      cwd: ROOT,
      env,
      stdio: ['ignore', 'inherit', 'inherit'],
      ...options,
    });
    child.on('error', (error) => {
      console.error(`${argv[0]}: ${error.message}`);
      resolve(false);
    });
    child.on('exit', (code) => resolve(code === 0));
  });
}

/** Runs Node's own tests (set-up may not need any package) and leaves a report like Jest's. */
function nodeTests(folder, report) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--test', '--test-reporter=tap', ...testFiles(folder)], {
      cwd: ROOT,
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.on('close', (code) => {
      const count = (word) => Number(new RegExp(`^# ${word} (\\d+)$`, 'm').exec(output)?.[1] ?? 0);
      const [passed, failed, skipped] = [
        count('pass'),
        count('fail') + count('cancelled'),
        count('skipped') + count('todo'),
      ];
      if (code !== 0) console.log(output);
      else console.log(`${passed} passed`);
      writeFileSync(
        path.join(RESULTS, `${report}.json`),
        JSON.stringify({
          numPassedTests: passed,
          numFailedTests: failed,
          numRuntimeErrorTestSuites: 0,
          numPendingTests: skipped,
          numTodoTests: 0,
        }),
      );
      resolve(code === 0);
    });
  });
}

const testFiles = (folder) =>
  readdirSync(path.join(ROOT, folder))
    .filter((f) => f.endsWith('.test.mjs'))
    .map((f) => path.join(folder, f));

const seconds = (since) => ((Date.now() - since) / 1000).toFixed(1);

async function step(name, action) {
  const started = Date.now();
  console.log(`\n== ${name}`);
  const ok = await action();
  console.log(`== ${name}: ${ok ? 'ok' : 'FAILED'} (${seconds(started)} s)`);
  return ok;
}

/** Adds up the Jest reports that the test targets left behind; they are cached together with the targets. */
function count() {
  const total = { passed: 0, failed: 0, skipped: 0, reasons: [] };
  for (const file of existsSync(RESULTS) ? readdirSync(RESULTS) : []) {
    const report = JSON.parse(readFileSync(path.join(RESULTS, file), 'utf8'));
    total.passed += report.numPassedTests;
    total.failed += report.numFailedTests + report.numRuntimeErrorTestSuites;
    const skipped = report.numPendingTests + report.numTodoTests;
    total.skipped += skipped;
    if (skipped > 0) total.reasons.push(`${file.replace('.json', '')}: ${skipped}`);
  }
  return total;
}

const root = process.getuid?.() === 0;
const started = Date.now();
const ready = await step('set-up', () => setup({ purpose: 'test' }));
if (!ready) {
  console.log('0 passed, 1 failed, 0 skipped');
  process.exit(1);
}
rmSync(RESULTS, { recursive: true, force: true });
mkdirSync(RESULTS, { recursive: true });
console.log(`seed ${env.HEDDLE_TEST_SEED}, ${env.HEDDLE_TEST_RUNS} runs of each property`);

const nx = (target, ...more) =>
  run([bin('nx'), 'run-many', '-t', target, '--output-style=stream', '--nxBail=false', ...more]);
const steps = [];
const record = async (name, action) => steps.push({ name, ok: await step(name, action) });
if (wanted('lint')) await record('lint', () => nx('lint'));
if (wanted('types')) await record('type check', () => run([bin('tsc'), '-p', 'tsconfig.json']));
// One project at a time: the integration tests measure and start real daemons, and the machine may have two cores.
if (wanted('unit')) await record('tests of the set-up', () => nodeTests('deploy/setup', 'setup'));
if (wanted('unit')) await record('unit and integration tests', () => nx('test', '--parallel=1'));
if (wanted('e2e')) await record('end-to-end tests', () => nx('e2e', '--parallel=1'));

const total = count();
const failedSteps = steps.filter((s) => !s.ok);
// A step that fails without a failing test (lint, types, a crash) must not look like a pass.
if (failedSteps.length > 0 && total.failed === 0) total.failed = failedSteps.length;
const noSkips = args.includes('--no-skips');
console.log(`\n${seconds(started)} s in all`);
for (const { name } of failedSteps) console.log(`failed: ${name}`);
if (!root && total.skipped > 0)
  console.log(
    `not root: ${total.skipped} tests were skipped, because they make namespaces and run Docker and Open vSwitch; run as root for all of them`,
  );
if (root && total.skipped > 0)
  console.log(
    `${total.skipped} tests were skipped, because a program that they need is not installed, such as terraform or tofu`,
  );
if (total.skipped > 0) console.log(`skipped: ${total.reasons.join(', ')}`);
if (noSkips && (total.skipped > 0 || !root)) console.log('skipped tests count as a failure here');
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exit(total.failed > 0 || failedSteps.length > 0 || (noSkips && (total.skipped > 0 || !root)) ? 1 : 0);

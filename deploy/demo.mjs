#!/usr/bin/env node
/**
 * npm run demo: from a fresh machine to a three-tier application in real containers on three hosts, with every connection
 * open or closed exactly as one file says, shown by real packets. A second run finds everything in place.
 *
 *   --json   the last line is one JSON object with what was counted and measured
 *   --keep   when it fails, keep what it has made, to look into it; else nothing of it is left
 *   --down   end the demo and leave nothing of it behind
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ask, heddle, isBuilt, LAB, ROOT } from './demo/heddle.mjs';
import { hostsDown, HOSTS, hostsUp, LAB_FOLDER } from './demo/hosts.mjs';
import { setup } from './setup.mjs';

const OPTIONS = ['--json', '--keep', '--down'];
const EXAMPLE = path.join('deploy', 'examples', 'shop.yaml');
const APP = 'acme/shop';
const SCALED = 6;
/** How long the application may take to be settled, on a machine that has other things to do as well. */
const SETTLE = '120s';
/** Every command of the demo goes to its lab, whatever context is in use. */
const IN_LAB = ['--context', LAB];

let current = 'start';
let interrupted = false;
// The commands get the signal as well, end what they are at in order, and fail; then this ends.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => (interrupted = true));

/** Runs one step under a heading, and returns the seconds it took. */
async function step(name, action) {
  current = name;
  console.log(`\n== ${name}`);
  const started = performance.now();
  await action();
  const seconds = Number(((performance.now() - started) / 1000).toFixed(2));
  console.log(`== ${name}: done in ${seconds.toFixed(1)} s`);
  if (interrupted) throw new Error('it was interrupted');
  return seconds;
}

/** Tries every connection, shows the table of expected against observed, and returns all results. */
async function probe() {
  const folder = mkdtempSync(path.join(tmpdir(), 'heddle-demo-'));
  try {
    const file = path.join(folder, 'probe.json');
    // 1 is what the command ends with at a mismatch: that is a result, too.
    await heddle(['probe', APP, ...IN_LAB, '--save', file], [0, 1]);
    if (!existsSync(file)) throw new Error('nothing could be probed');
    const { results, mismatches } = JSON.parse(readFileSync(file, 'utf8'));
    if (results.length === 0) throw new Error('there was nothing to probe');
    return { probes: results.length, mismatches };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function demo() {
  const seconds = {};
  const probed = [];
  seconds.setup = await step('set-up', async () => {
    if (!(await setup({ purpose: 'demo' }))) throw new Error('the machine is not set up; what to do is said above');
  });
  seconds.labUp = await step('lab: control plane and three hosts', async () => {
    await heddle(['lab', 'up', '--name', LAB, '--hosts', '0']);
    await hostsUp();
  });
  seconds.apply = await step(`apply ${EXAMPLE}`, () =>
    heddle(['apply', ...IN_LAB, '-f', EXAMPLE, '--timeout', SETTLE]),
  );
  const first = await step('probe every pair of containers', async () => probed.push(await probe()));
  seconds.scale = await step(`scale web to ${SCALED}`, () =>
    heddle(['scale', `${APP}/web`, String(SCALED), ...IN_LAB, '--timeout', SETTLE]),
  );
  const second = await step('probe again', async () => probed.push(await probe()));
  seconds.probe = Number((first + second).toFixed(2));

  current = 'count';
  const [{ hosts }, allocations, lab] = await Promise.all([
    ask(['status', ...IN_LAB]),
    ask(['get', 'allocations', ...IN_LAB, '--tenant', 'acme']),
    ask(['lab', 'status', '--name', LAB]),
  ]);
  const sum = (key) => probed.reduce((total, one) => total + one[key], 0);
  return {
    api: lab.api.url,
    report: {
      // The leaf is one that runs no containers.
      hosts: hosts.filter(({ state, spec }) => state === 'ready' && spec.role !== 'leaf').length,
      containers: allocations.items.filter(({ status }) => status?.phase === 'running').length,
      probes: sum('probes'),
      mismatches: sum('mismatches'),
      seconds,
    },
  };
}

function printSummary({ api, report }) {
  const { hosts, containers, probes, mismatches, seconds } = report;
  const verdict = mismatches === 0 ? 'all as the file says' : `${mismatches} NOT as the file says`;
  console.log(`
${containers} containers on ${hosts} hosts; ${probes} connections tried, ${verdict}
${Object.entries(seconds)
  .map(([name, value]) => `${name} ${value.toFixed(1)} s`)
  .join(', ')}

API    ${api}/api/v1
docs   ${api}/api/docs
try    npm run --silent heddle -- get all        (the context "${LAB}" is in use)
       npm run --silent heddle -- probe ${APP}
       npm run --silent heddle -- plan -f ${EXAMPLE}
stop   npm run demo -- --down`);
}

async function down() {
  if (!isBuilt()) {
    if (!existsSync(LAB_FOLDER)) return console.log('there is no demo to end');
    throw new Error('the command line is not built, so the demo cannot be ended: run npm run build first');
  }
  try {
    await step(`end the hosts ${HOSTS.join(', ')}`, hostsDown);
  } catch (error) {
    // The lab ends everything that is in it, whoever made it.
    console.error(`${error.message}; going on with the lab itself`);
  }
  await step('end the lab', () => heddle(['lab', 'down', '--name', LAB]));
}

/** The logs of the lab's processes that are there, to look into after a failure. */
function logFiles() {
  const nodes = path.join(LAB_FOLDER, 'nodes');
  if (!existsSync(nodes)) return [];
  return readdirSync(nodes).flatMap((node) => {
    const folder = path.join(nodes, node, 'logs');
    return existsSync(folder) ? readdirSync(folder).map((file) => path.join(folder, file)) : [];
  });
}

/** @param isOurs whether nothing was there when this run began */
async function afterFailure(error, isOurs) {
  console.error(`\ndemo: "${current}" failed: ${error.message}`);
  if (isOurs && !args.includes('--keep')) {
    if (!existsSync(LAB_FOLDER)) return;
    try {
      await down();
      console.error('what it had made is gone; "npm run demo -- --keep" keeps it, to look into it');
      return;
    } catch (failure) {
      console.error(failure.message);
    }
  }
  const logs = logFiles();
  if (logs.length > 0) console.error(`logs:\n${logs.map((file) => `  ${file}`).join('\n')}`);
  console.error('"npm run demo" goes on from here; "npm run demo -- --down" ends what there is');
}

const args = process.argv.slice(2);
const unknown = args.filter((arg) => !OPTIONS.includes(arg));
if (unknown.length > 0) {
  console.error(`demo: found ${unknown.join(' ')}; allowed are ${OPTIONS.join(', ')}`);
  process.exit(2);
}
process.chdir(ROOT);
const isNew = !existsSync(LAB_FOLDER);
try {
  if (args.includes('--down')) {
    await down();
  } else {
    const result = await demo();
    printSummary(result);
    if (args.includes('--json')) console.log(JSON.stringify(result.report));
    process.exitCode = result.report.mismatches > 0 ? 1 : 0;
  }
} catch (error) {
  const failed = current;
  const code = interrupted ? 130 : 1;
  // What follows is not interrupted by what has interrupted the demo.
  interrupted = false;
  if (!args.includes('--down')) await afterFailure(error, isNew);
  else console.error(`\ndemo: "${failed}" failed: ${error.message}`);
  if (args.includes('--json')) console.log(JSON.stringify({ failed, error: error.message }));
  process.exitCode = code;
}

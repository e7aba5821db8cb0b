/** Calls the command line of this working copy, always for the lab of the demo. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
/** Another name lets a demo run beside that of somebody else. */
export const LAB = process.env.HEDDLE_DEMO_LAB ?? 'demo';
/** As an argument vector: Terraform calls it, too. */
export const HEDDLE = [process.execPath, path.join(ROOT, 'apps', 'cli', 'bin', 'heddle')];

export const isBuilt = () => existsSync(path.join(ROOT, 'apps', 'cli', 'dist', 'main.js'));

/** Which server the user works with otherwise is none of the demo's business. */
const { HEDDLE_API: _api, HEDDLE_TOKEN: _token, HEDDLE_CONTEXT: _context, ...env } = process.env;

/**
 * Runs a command with its output shown.
 * @param {string[]} args
 * @param {number[]} [accepted] exit codes that are no failure
 * @returns {Promise<number>} the exit code
 */
export async function heddle(args, accepted = [0]) {
  return (await run(args, accepted, 'inherit')).code;
}

/** Runs a command that prints JSON, and returns what that says. */
export async function ask(args) {
  const { stdout } = await run([...args, '-o', 'json'], [0], 'pipe');
  return JSON.parse(stdout);
}

function run(args, accepted, stdout) {
  const [command, ...first] = HEDDLE;
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...first, ...args], { cwd: ROOT, env, stdio: ['ignore', stdout, 'inherit'] });
    const chunks = [];
    child.stdout?.on('data', (chunk) => chunks.push(chunk));
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (accepted.includes(code)) resolve({ code, stdout: Buffer.concat(chunks).toString('utf8') });
      else reject(new Error(`heddle ${args.join(' ')} ended with ${signal ?? `status ${code}`}`));
    });
  });
}

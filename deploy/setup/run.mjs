import { spawn } from 'node:child_process';

/** Characters of a command's output that are kept of its beginning, and of its end. */
const MAX_OUTPUT = 20_000;
/** Lines of each that an error repeats: some programs say first what is wrong, others last. */
const LINES = 15;

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/**
 * Runs a command to its end, without showing what it says. A signal to this process is passed on, and the command's end
 * awaited: what is to be undone after it must not be undone while it still works.
 *
 * @param {readonly string[]} argv
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, deadlineMs?: number }} [options]
 * @returns {Promise<string>} what it said, of that at most the first 20,000 characters
 * @throws Error with the first and last lines of its output when it fails, is interrupted or takes too long
 */
export function run(argv, { cwd, env = process.env, deadlineMs = 20 * 60_000 } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(argv[0], argv.slice(1), { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    let end = '';
    let interrupted = '';
    const pass = (signal) => {
      interrupted = signal;
      child.kill(signal);
    };
    const timer = setTimeout(() => {
      interrupted = `taking longer than ${deadlineMs / 1000} s`;
      child.kill('SIGTERM');
    }, deadlineMs);
    for (const signal of SIGNALS) process.on(signal, pass);
    const done = () => {
      clearTimeout(timer);
      for (const signal of SIGNALS) process.off(signal, pass);
    };
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        if (said.length < MAX_OUTPUT) said += text;
        else end = (end + text).slice(-MAX_OUTPUT);
      });
    }
    child.on('error', (error) => {
      done();
      reject(new Error(`${argv[0]} cannot be started: ${error.message}`));
    });
    // What it left running may hold its output open for ever.
    child.on('exit', () =>
      setTimeout(() => [child.stdout, child.stderr].forEach((stream) => stream.destroy()), 1_000).unref(),
    );
    child.on('close', (code, signal) => {
      done();
      if (code === 0 && !interrupted) return resolve(said);
      const how = interrupted ? `was ended by ${interrupted}` : `failed with ${signal ?? `code ${code}`}`;
      reject(new Error(`${argv.join(' ')} ${how}:\n${beginningAndEnd(said + end)}`));
    });
  });
}

function beginningAndEnd(text) {
  const lines = text.trim().split('\n');
  if (lines.length <= 2 * LINES) return lines.join('\n');
  return [...lines.slice(0, LINES), '  ...', ...lines.slice(-LINES)].join('\n');
}

import { SystemProcesses } from '@heddle/host';

const processes = new SystemProcesses();
const AT_ONCE = 200;

/** A TCP connection to try. */
export interface Attempt {
  readonly address: string;
  readonly port: number;
}

/**
 * A constant program: tries every connection at once, and prints of each whether it was answered, a refusal by the target
 * included. A lost packet is sent again after a second, so each has the time for that.
 */
const PROGRAM = `
const net = require('node:net');
const [timeout, ...targets] = process.argv.slice(1);
const attempt = (target) => new Promise((resolve) => {
  const [host, port] = target.split('|');
  const socket = net.connect({ host, port: Number(port) });
  const end = (word) => { socket.destroy(); resolve(word); };
  socket.setTimeout(Number(timeout), () => end('closed'));
  socket.on('connect', () => end('open'));
  socket.on('error', (error) => end(error.code === 'ECONNREFUSED' || error.code === 'ECONNRESET' ? 'open' : 'closed'));
});
Promise.all(targets.map(attempt)).then((words) => console.log(words.join(' ')));
`;

/** Tries TCP connections from a network namespace, by the path of its file. */
export async function connectsFrom(
  netns: string,
  targets: readonly Attempt[],
  timeoutMs = 2_500,
): Promise<('open' | 'closed')[]> {
  const seen: ('open' | 'closed')[] = [];
  for (let i = 0; i < targets.length; i += AT_ONCE) {
    const words = targets.slice(i, i + AT_ONCE).map(({ address, port }) => `${address}|${port}`);
    const argv = ['nsenter', `--net=${netns}`, '--', process.execPath, '-e', PROGRAM, String(timeoutMs), ...words];
    const { stdout } = await processes.run(argv, { deadlineMs: timeoutMs + 20_000 });
    seen.push(...(stdout.trim().split(' ') as ('open' | 'closed')[]));
  }
  return seen;
}

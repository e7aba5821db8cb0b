import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { Socket } from 'node:dgram';
import { Server } from 'node:net';
import path from 'node:path';
import { SystemNftCommand, type CommandRunner } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import { HOST_LINK_ADDRESS } from '@heddle/pipeline';
import type { DnsSockets } from './open-sockets';

/** The program that runs inside; beside the attach daemon's own. */
const PROGRAM = path.join(__dirname, 'sockets.js');
const DEADLINE_MS = 10_000;
const DNS_PORT = 53;
/** Where they listen: whoever is in the namespace reaches it, and nobody else. */
const LOOPBACK = '127.0.0.1';
/** Above those that the kernel gives to connections, where next to nobody listens. */
const LOWEST_PORT = 61_000;
const HIGHEST_PORT = 65_535;
const TABLE = 'ip heddle-names';

/**
 * Sockets inside a container's network namespace, on which this process answers what is sent to the name server's address. They
 * have a port of their own: port 53 the container may want for itself, at all its addresses.
 */
export class SandboxSockets {
  constructor(
    private readonly commands: CommandRunner,
    private readonly program = PROGRAM,
  ) {}

  /**
   * Opens the sockets. What is asked before they are open gets no answer and is asked again; it is neither refused, which would
   * be taken for an answer, nor does it leave the container.
   * @param signal gives it up
   * @throws HeddleError when that cannot be done; nothing is left open then, and it can be tried again
   */
  async open(sandbox: string, signal?: AbortSignal): Promise<DnsSockets> {
    const nft = this.nft(sandbox);
    const port = LOWEST_PORT + randomInt(HIGHEST_PORT - LOWEST_PORT + 1);
    const opening = handedOver(sandbox, [this.program, LOOPBACK, String(port)], signal);
    try {
      await nft.apply(table(asking(port), holding(port)));
      await opening;
      await nft.apply(table(asking(port)));
      return await opening;
    } catch (error) {
      opening.then(closeSockets, () => undefined); // told is what failed first
      throw error;
    }
  }

  /** Takes back what {@link open} did to the namespace, if that is still there. The sockets are not its affair any more. */
  async forget(sandbox: string): Promise<void> {
    await this.nft(sandbox).apply(CLEAR);
  }

  private nft(sandbox: string): SystemNftCommand {
    return new SystemNftCommand({
      run: (argv, options) => this.commands.run(['nsenter', `--net=${sandbox}`, '--', ...argv], options),
    });
  }
}

export function closeSockets({ udp, tcp }: Partial<DnsSockets>): void {
  udp?.close();
  tcp?.close();
}

/** Added first so that there is something to delete. */
const CLEAR = `add table ${TABLE}\ndelete table ${TABLE}\n`;

/** One transaction, whatever an earlier daemon had put there. */
const table = (...chains: readonly string[]): string =>
  `${CLEAR}table ${TABLE} {\n${chains.map((chain) => `  ${chain}\n`).join('')}}\n`;

const chain = (head: string, rule: (protocol: string) => string): string =>
  `chain ${head}; policy accept; ${['udp', 'tcp'].map((protocol) => `${rule(protocol)};`).join(' ')} }`;

const asking = (port: number): string =>
  chain(
    'asking { type nat hook output priority -100',
    (protocol) => `ip daddr ${HOST_LINK_ADDRESS} ${protocol} dport ${DNS_PORT} dnat to ${LOOPBACK}:${port}`,
  );

/** On arrival: who sends what is dropped on its way out is told so. */
const holding = (port: number): string =>
  chain(
    'holding { type filter hook input priority 0',
    (protocol) => `ip daddr ${LOOPBACK} ${protocol} dport ${port} drop`,
  );

/** Starts the program in the namespace and takes the two sockets that it hands over. */
function handedOver(sandbox: string, program: readonly string[], signal?: AbortSignal): Promise<DnsSockets> {
  const node = [process.execPath, '--max-semi-space-size=1', ...program];
  const child = spawn('nsenter', [`--net=${sandbox}`, '--', ...node], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    killSignal: 'SIGKILL',
    timeout: DEADLINE_MS,
    ...(signal ? { signal } : {}),
  });
  const got: Partial<{ udp: Socket; tcp: Server }> = {};
  let said = '';
  return new Promise<DnsSockets>((resolve, reject) => {
    const fail = (why: string): void => {
      closeSockets(got);
      reject(new HeddleError('unavailable', `no socket for names could be opened in ${sandbox}: ${why}`));
    };
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (said += text));
    child.on('message', (_name, handle) => {
      if (handle instanceof Socket) got.udp = handle;
      if (handle instanceof Server) got.tcp = handle;
      const { udp, tcp } = got;
      if (!udp || !tcp) return;
      child.disconnect();
      resolve({ udp, tcp });
    });
    // Also when it was given up, which ends it.
    child.on('error', (error) => (said ||= error.message));
    child.once('close', (code, killedBy) => {
      if (got.udp && got.tcp) return;
      fail(said.trim() || `the program ended with ${killedBy ?? `code ${code}`}`);
    });
  });
}

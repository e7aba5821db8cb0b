import { spawn } from 'node:child_process';
import { Socket } from 'node:dgram';
import { Server } from 'node:net';
import path from 'node:path';
import { SystemNftCommand, type CommandRunner, type IpCommand } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import { HOST_LINK_ADDRESS } from '@heddle/pipeline';
import type { DnsSockets } from './open-sockets';

/** The program that runs inside; beside the attach daemon's own. */
const PROGRAM = path.join(__dirname, 'sockets.js');
const DEADLINE_MS = 10_000;
const DNS_PORT = 53;
const TABLE = 'ip heddle-names';
const ADDRESS = [`${HOST_LINK_ADDRESS}/32`, 'dev', 'lo'];

/** Sockets inside a container's network namespace, on which this process answers at the address of the name server. */
export class SandboxSockets {
  constructor(
    private readonly ip: IpCommand,
    private readonly commands: CommandRunner,
    private readonly program = PROGRAM,
  ) {}

  /**
   * Opens the sockets and has what is sent to the name server's port reach them. They listen on a port of their own: port 53
   * the container may want for itself, at all its addresses.
   * @throws HeddleError when that cannot be done; nothing is left open then
   */
  async open(sandbox: string): Promise<DnsSockets> {
    await this.ip.batch(
      [
        ['address', 'replace', ...ADDRESS],
        ['link', 'set', 'dev', 'lo', 'up'],
      ],
      sandbox,
    );
    const sockets = await handedOver(sandbox, this.program);
    try {
      await this.nft(sandbox).apply(redirection(sockets.udp.address().port));
      return sockets;
    } catch (error) {
      closeSockets(sockets);
      throw error;
    }
  }

  /** Takes back what {@link open} did to the namespace, if that is still there. The sockets are not its affair any more. */
  async forget(sandbox: string): Promise<void> {
    await this.nft(sandbox).apply(`add table ${TABLE}\ndelete table ${TABLE}\n`);
    await this.ip.batch([['address', 'del', ...ADDRESS]], sandbox);
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

/** One transaction, whatever an earlier daemon had put there. */
function redirection(port: number): string {
  const rule = (protocol: string): string =>
    `ip daddr ${HOST_LINK_ADDRESS} ${protocol} dport ${DNS_PORT} dnat to ${HOST_LINK_ADDRESS}:${port};`;
  return [
    `add table ${TABLE}`,
    `delete table ${TABLE}`,
    `table ${TABLE} {`,
    `  chain asking { type nat hook output priority -100; policy accept; ${rule('udp')} ${rule('tcp')} }`,
    '}',
    '',
  ].join('\n');
}

/** Starts the program in the namespace and takes the two sockets that it hands over. */
function handedOver(sandbox: string, program: string): Promise<DnsSockets> {
  const node = [process.execPath, '--max-semi-space-size=1', program, HOST_LINK_ADDRESS];
  const child = spawn('nsenter', [`--net=${sandbox}`, '--', ...node], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  const got: Partial<{ udp: Socket; tcp: Server }> = {};
  let said = '';
  return new Promise<DnsSockets>((resolve, reject) => {
    const fail = (why: string): void => {
      clearTimeout(timer);
      child.kill('SIGKILL');
      closeSockets(got);
      reject(new HeddleError('unavailable', `no socket for names could be opened in ${sandbox}: ${why}`));
    };
    const timer = setTimeout(() => fail(`nothing came within ${DEADLINE_MS} ms`), DEADLINE_MS);
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (said += text));
    child.on('message', (_name, handle) => {
      if (handle instanceof Socket) got.udp = handle;
      if (handle instanceof Server) got.tcp = handle;
      const { udp, tcp } = got;
      if (!udp || !tcp) return;
      clearTimeout(timer);
      child.disconnect();
      resolve({ udp, tcp });
    });
    child.once('error', (error) => fail(error.message));
    child.once('close', (code) => {
      if (!got.udp || !got.tcp) fail(said.trim() || `the program ended with code ${code}`);
    });
  });
}

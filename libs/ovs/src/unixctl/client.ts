import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HeddleError } from '@heddle/model';
import { formatPacket, type Match } from '@heddle/pipeline';
import { Deadline } from '../connection/deadline';
import { connectUnix } from '../connection/unix-socket';
import { JsonRpcError, JsonRpcSession } from '../jsonrpc/session';
import { readConntrack, type Connection } from './conntrack';
import { readTrace, type Trace } from './trace';

export interface UnixctlClientOptions {
  /** Where vswitchd keeps its pid file and control socket, usually `/run/openvswitch`. */
  readonly rundir: string;
  /** Milliseconds for a call that says nothing else. */
  readonly deadlineMs?: number;
}

const DAEMON = 'ovs-vswitchd';
const DEFAULT_DEADLINE_MS = 5_000;

/**
 * The control socket of ovs-vswitchd, which `ovs-appctl` uses too: about 150 us a call, against milliseconds for a
 * program to be started. One connection is kept; after a restart of vswitchd the next call finds the new socket.
 */
export class UnixctlClient {
  private session: Promise<JsonRpcSession> | undefined;

  constructor(private readonly options: UnixctlClientOptions) {}

  /**
   * What a command prints. The arguments are passed one by one; no shell is involved.
   *
   * @throws HeddleError `invalid` with what the daemon said, `unavailable` when it does not run, `deadline`.
   */
  async call(
    method: string,
    args: readonly string[] = [],
    deadlineMs = this.options.deadlineMs ?? DEFAULT_DEADLINE_MS,
  ): Promise<string> {
    const deadline = new Deadline(deadlineMs);
    const session = await this.connected(deadline);
    try {
      return String(await session.request(method, args, deadline));
    } catch (error) {
      if (!(error instanceof JsonRpcError)) throw error;
      throw new HeddleError('invalid', `${DAEMON} refused ${method} ${args.join(' ')}: ${String(error.error).trim()}`, {
        cause: error,
      });
    }
  }

  /**
   * What the switch would do with a packet, worked out by the switch itself; nothing is sent.
   *
   * @param packet its fields, `in_port` among them, or the text of them as ofproto/trace reads it.
   * @param ctNext connection states to assume at each pass through conntrack, such as `trk,new`; the real connection
   *   table is not consulted.
   */
  async trace(bridge: string, packet: string | Match, ctNext: readonly string[] = []): Promise<Trace> {
    const states = ctNext.flatMap((state) => ['--ct-next', state]);
    const text = typeof packet === 'string' ? packet : formatPacket(packet);
    return readTrace(await this.call('ofproto/trace', [bridge, text, ...states]));
  }

  /** The connections that are tracked, in one zone or in all. */
  async dumpConntrack(zone?: number): Promise<Connection[]> {
    return readConntrack(await this.call('dpctl/dump-conntrack', zone === undefined ? [] : [`zone=${zone}`]));
  }

  /** Makes the MAC address of a tunnel peer known, so that the first packet to it is not lost to ARP. */
  async setTunnelNeighbour(bridge: string, ip: string, mac: string): Promise<void> {
    await this.call('tnl/neigh/set', [bridge, ip, mac]);
  }

  /** Drops the cached datapath flows, which brings the counters of all flows up to date. */
  async purgeRevalidator(): Promise<void> {
    await this.call('revalidator/purge');
  }

  /** Such as `3.1.0`. */
  async version(): Promise<string> {
    const text = await this.call('version');
    return /(\d+\.\d+\.\d+)/.exec(text)?.[1] ?? text.trim();
  }

  /** Ends the connection. A later call opens another. */
  async close(): Promise<void> {
    const { session } = this;
    this.session = undefined;
    if (session === undefined) return;
    const reason = new HeddleError('unavailable', `the connection to ${DAEMON} was closed here`);
    await session.then(
      (open) => {
        open.close(reason);
        return open.closed;
      },
      () => undefined, // it never opened, which its callers were told
    );
  }

  private connected(deadline: Deadline): Promise<JsonRpcSession> {
    if (this.session === undefined) {
      const session = this.open(deadline);
      const forget = (): void => {
        if (this.session === session) this.session = undefined;
      };
      session.then((open) => open.closed).then(forget, forget);
      this.session = session;
    }
    return this.session;
  }

  private async open(deadline: Deadline): Promise<JsonRpcSession> {
    const pidfile = join(this.options.rundir, `${DAEMON}.pid`);
    let pid: string;
    try {
      pid = (await readFile(pidfile, 'utf8')).trim();
    } catch (error) {
      throw new HeddleError('unavailable', `${DAEMON} does not run: no ${pidfile}`, { cause: error });
    }
    const socket = await connectUnix(join(this.options.rundir, `${DAEMON}.${pid}.ctl`), deadline);
    return new JsonRpcSession(socket, { peer: DAEMON });
  }
}

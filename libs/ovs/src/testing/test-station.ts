import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

const run = promisify(execFile);
const PING_SECONDS = 1;

let stations = 0;

/** Keeps a namespace from sending IPv6 of its own accord, which would be among the packets that a test counts. */
export async function silence(netns: string): Promise<void> {
  const settings = ['all', 'default'].map((which) => `net.ipv6.conf.${which}.disable_ipv6=1`);
  await run('nsenter', [`--net=/run/netns/${netns}`, 'sysctl', '-qw', ...settings]);
}

/**
 * Listens on the ports that it is given and echoes what it receives. Told on standard input to connect somewhere, it sends
 * some bytes, and says on standard output whether they all came back in time.
 */
const PROGRAM = `
const net = require('node:net');
const ports = process.argv.slice(1).map(Number);
for (const port of ports) {
  net.createServer((socket) => socket.on('error', () => socket.destroy()).pipe(socket)).listen(port, '0.0.0.0', () => {
    ports.pop();
    if (ports.length === 0) process.stdout.write('ready\\n');
  });
}
require('node:readline').createInterface(process.stdin).on('line', (line) => {
  const [id, host, port, bytes, timeout] = line.split(' ');
  let left = Number(bytes);
  const socket = net.connect({ host, port: Number(port) });
  const end = (result) => {
    clearTimeout(timer);
    socket.destroy();
    process.stdout.write(id + ' ' + result + '\\n');
  };
  const timer = setTimeout(() => end('timeout'), Number(timeout));
  socket.on('connect', () => socket.write(Buffer.alloc(left)));
  socket.on('data', (data) => { left -= data.length; if (left === 0) end('echoed'); });
  socket.on('error', (error) => end(error.code));
});
`;

export interface StationInterface {
  readonly name: string;
  readonly mac: string;
  /** With its prefix length. */
  readonly address: string;
  readonly gateway: string;
  readonly mtu?: number;
}

/**
 * Something that has a MAC and addresses, in a network namespace of its own, which is called like those of `TestOvs`: one
 * that a test leaves behind is removed by the next. Needs root.
 */
export class TestStation {
  private child: ChildProcess | undefined;
  private nextId = 1;
  private readonly waiting = new Map<string, (result: string) => void>();

  private constructor(readonly netns: string) {}

  static async create(): Promise<TestStation> {
    const station = new TestStation(`tovs${process.pid}-${1000 + ++stations}`);
    await run('ip', ['netns', 'add', station.netns]);
    await station.exec('ip', 'link', 'set', 'lo', 'up');
    await silence(station.netns);
    return station;
  }

  /** Runs a program in the namespace; returns what it wrote to standard output. */
  async exec(program: string, ...args: string[]): Promise<string> {
    const { stdout } = await run('nsenter', [`--net=/run/netns/${this.netns}`, program, ...args]);
    return stdout;
  }

  /** Gives an interface of the namespace its MAC, address and route, with checksums that a user-space switch takes. */
  async configure({ name, mac, address, gateway, mtu = 1450 }: StationInterface): Promise<void> {
    await this.exec('ethtool', '-K', name, 'tx', 'off');
    await this.exec('ip', 'link', 'set', 'dev', name, 'address', mac, 'mtu', String(mtu), 'up');
    await this.exec('ip', 'address', 'add', address, 'dev', name);
    await this.exec('ip', 'route', 'add', 'default', 'via', gateway);
  }

  /** Starts the program that listens on ports and connects to others. */
  async listen(...ports: number[]): Promise<void> {
    const program = ['node', '-e', PROGRAM, ...ports.map(String)];
    // The death signal ends it with the test, however the test ends.
    const command = ['--pdeathsig', 'KILL', 'nsenter', `--net=/run/netns/${this.netns}`, ...program];
    const child = spawn('setpriv', command, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.child = child;
    const lines = createInterface(child.stdout);
    await new Promise<void>((resolve, reject) => {
      child.once('exit', (status) => reject(new Error(`the program of ${this.netns} ended with ${status}`)));
      lines.on('line', (line) => {
        if (line === 'ready') return resolve();
        const [id = '', result = ''] = line.split(' ');
        this.waiting.get(id)?.(result);
        this.waiting.delete(id);
      });
    });
  }

  /**
   * Opens a TCP connection, sends bytes through it and waits for their echo.
   *
   * @returns `echoed`, `timeout`, or the code of the error
   */
  connect(host: string, port: number, { bytes = 1, timeoutMs = 3_000 } = {}): Promise<string> {
    const id = String(this.nextId++);
    return new Promise((resolve) => {
      this.waiting.set(id, resolve);
      this.child?.stdin?.write(`${id} ${host} ${port} ${bytes} ${timeoutMs}\n`);
    });
  }

  /** Sends pings, and says with which TTL the answers came; undefined when one was not answered within a second. */
  async ping(address: string, { count = 1, from = '' } = {}): Promise<number | undefined> {
    const args = ['-c', String(count), '-W', String(PING_SECONDS), ...(from === '' ? [] : ['-I', from]), address];
    const output = await this.exec('busybox', 'ping', ...args).catch(() => '');
    const answers = [...output.matchAll(/ttl=(\d+)/g)].map(([, ttl]) => Number(ttl));
    return answers.length === count ? answers[0] : undefined;
  }

  /** Ends the program and removes the namespace with all that is in it. */
  async stop(): Promise<void> {
    this.child?.removeAllListeners('exit');
    this.child?.kill('SIGKILL');
    await run('ip', ['netns', 'delete', this.netns]);
  }
}

import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { waitFor } from '@heddle/host';

const PROGRAM = path.join(__dirname, 'wire.pl');
const STARTUP_MS = 10_000;

/** An interface seen from below the protocol stack: sends any frame, and keeps every frame that arrives. */
export class Wire {
  /** Every frame that arrived since the wire was opened. */
  readonly received: Buffer[] = [];
  private ended: string | undefined;
  private ready = false;

  private constructor(private readonly child: ChildProcessWithoutNullStreams) {
    let complaints = '';
    child.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()));
    child.on('exit', (code) => (this.ended = `the wire ended with ${code}: ${complaints}`));
    child.on('error', (error) => (this.ended = error.message));
    child.stdin.on('error', (error) => (this.ended ??= error.message));
    createInterface(child.stdout).on('line', (line) => {
      if (line === 'ready') this.ready = true;
      else this.received.push(Buffer.from(line, 'hex'));
    });
  }

  /**
   * Opens an interface.
   * @param netns file of its network namespace, `/proc/PID/ns/net` or `/run/netns/NAME`
   */
  static async open(netns: string, interfaceIndex: number): Promise<Wire> {
    const wire = new Wire(
      spawn('nsenter', [`--net=${netns}`, '--', 'perl', PROGRAM, String(interfaceIndex)], { stdio: 'pipe' }),
    );
    await waitFor(
      () => {
        wire.check();
        return wire.ready;
      },
      { deadlineMs: STARTUP_MS, what: `the wire of interface ${interfaceIndex} in ${netns}` },
    );
    return wire;
  }

  send(...frames: readonly Buffer[]): void {
    this.check();
    this.child.stdin.write(frames.map((frame) => `${frame.toString('hex')}\n`).join(''));
  }

  /** Sends the frames again and again. Ends with the function returned, or with the wire. */
  flood(frames: readonly Buffer[], everyMs: number): () => void {
    const timer = setInterval(() => this.send(...frames), everyMs);
    this.child.once('exit', () => clearInterval(timer));
    return () => clearInterval(timer);
  }

  /** How many frames with this text in them arrived. */
  count(text: string): number {
    return this.received.filter((frame) => frame.includes(text)).length;
  }

  async close(): Promise<void> {
    if (this.child.exitCode !== null) return;
    const exited = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.stdin.end();
    await exited;
  }

  private check(): void {
    if (this.ended !== undefined) throw new Error(this.ended);
  }
}

import type { Socket } from 'node:net';
import { HeddleError } from '@heddle/model';
import type { Session } from './reconnector';

/**
 * What all sessions over a stream socket share: one end with one reason, an error for whoever still waits then, and
 * probes that find a peer which neither answers nor hangs up.
 */
export abstract class SocketSession implements Session {
  readonly closed: Promise<Error>;
  private reason: Error | undefined;
  private lastHeard = performance.now();
  private probe: NodeJS.Timeout | undefined;

  /**
   * @param peer what the other side is called in errors.
   * @param probeIntervalMs ask for a sign of life after so much silence, and give the peer up after as long again; 0
   *   never.
   */
  constructor(
    protected readonly socket: Socket,
    protected readonly peer: string,
    probeIntervalMs: number,
  ) {
    this.closed = new Promise((resolve) => {
      socket.once('close', () => resolve(this.finish()));
    });
    socket.on('data', (chunk: Buffer) => this.heard(chunk));
    socket.on('end', () => socket.destroy());
    if (probeIntervalMs > 0) this.startProbing(probeIntervalMs);
  }

  close(reason: Error): void {
    this.reason ??= reason;
    this.socket.destroy();
  }

  /** Takes bytes of the peer; what it throws ends the session. */
  protected abstract receive(chunk: Buffer): void;
  /** Sends something that the peer must answer. */
  protected abstract sendProbe(): void;
  /** Fails everything that waits for an answer. */
  protected abstract failPending(error: Error): void;

  /** @throws HeddleError `unavailable` when the session has ended. */
  protected assertOpen(): void {
    if (this.reason) throw this.lost(this.reason);
  }

  protected lost(reason: Error): HeddleError {
    return new HeddleError('unavailable', `the connection to ${this.peer} is lost: ${reason.message}`, {
      cause: reason,
      retryable: reason instanceof HeddleError ? reason.retryable : true,
    });
  }

  private heard(chunk: Buffer): void {
    this.lastHeard = performance.now();
    try {
      this.receive(chunk);
    } catch (error) {
      this.close(error instanceof Error ? error : new Error(String(error)));
    }
  }

  private finish(): Error {
    clearInterval(this.probe);
    this.reason ??= new HeddleError('unavailable', `${this.peer} closed the connection`);
    this.failPending(this.lost(this.reason));
    return this.reason;
  }

  private startProbing(intervalMs: number): void {
    this.probe = setInterval(() => {
      const silence = performance.now() - this.lastHeard;
      if (silence >= 2 * intervalMs) {
        this.close(new HeddleError('unavailable', `${this.peer} did not answer for ${Math.round(silence)} ms`));
      } else if (silence >= intervalMs) {
        this.sendProbe();
      }
    }, intervalMs / 2);
    this.probe.unref();
  }
}

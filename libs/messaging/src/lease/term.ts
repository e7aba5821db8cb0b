import { HeddleError } from '@heddle/model';

/**
 * The right to write, as its holder sees it: from taking a lease to losing it. A lease alone keeps nobody out; streams
 * do, by the epoch that the holder marks in them (FencedStream).
 */
export interface Term {
  /** Who holds it. */
  readonly holder: string;
  /** Grows from term to term, whoever the holder is; a write of a lower epoch comes too late. */
  readonly epoch: number;
  /** Aborts when the term is over. */
  readonly signal: AbortSignal;
  /** Whether the holder may still count on being the only one, by its own clock, now. */
  isHeld(): boolean;
  /**
   * Raises the epoch to at least `atLeast`, for a stream in which a higher one was found (the bucket of leases is younger
   * than the stream). Resolves to the epoch now.
   * @throws HeddleError `fenced` when the lease is no longer held
   */
  raise(atLeast: number): Promise<number>;
}

/** A term that lasts until it is ended by hand; for tests, and for tools that are known to be alone. */
export class ManualTerm implements Term {
  private readonly abort = new AbortController();

  constructor(
    private current = 1,
    readonly holder = 'manual',
  ) {}

  get epoch(): number {
    return this.current;
  }
  get signal(): AbortSignal {
    return this.abort.signal;
  }
  isHeld(): boolean {
    return !this.abort.signal.aborted;
  }
  async raise(atLeast: number): Promise<number> {
    if (!this.isHeld()) throw new HeddleError('fenced', 'the term is over');
    this.current = Math.max(this.current, atLeast);
    return this.current;
  }
  end(): void {
    this.abort.abort(new HeddleError('fenced', 'the term is over'));
  }
}

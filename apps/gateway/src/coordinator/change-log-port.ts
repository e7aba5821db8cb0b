import type { Term } from '@heddle/messaging';
import type { Change, LoggedChange } from '@heddle/model';

/** The log of desired state, as the gateway reads and writes it. */
export interface ChangeLogPort {
  /** Position of the newest change, 0 when there is none. Never stale. */
  lastPosition(): Promise<number>;
  get(position: number): Promise<LoggedChange | undefined>;
  /** The change with this id, if it is in the log. */
  find(changeId: string): Promise<LoggedChange | undefined>;
  /** The changes from one position to another, both included, in order. */
  read(from: number, to: number): AsyncIterable<LoggedChange>;
  /**
   * Reads every change after a position, and those to come, until the signal aborts.
   * @throws HeddleError `state` when the log went back or is another one
   */
  follow(options: {
    readonly after: number;
    readonly signal: AbortSignal;
    readonly onChange: (change: LoggedChange) => void;
  }): Promise<void>;
  /** Becomes the log's only writer for a term. */
  write(term: Term): Promise<ChangeWriter>;
}

export interface ChangeWriter {
  /** Position of the newest change when writing began. */
  readonly base: number;
  /** The position that the next change will get. */
  readonly nextPosition: number;
  /** @throws HeddleError `deadline` when it may be in; everything else: it is not, unless the text says so */
  append(change: Change): Promise<number>;
  close(): void;
}

import type { HeddleObject } from './kinds';

/** Who asks. Travels with every request. */
export interface Principal {
  readonly principal: string;
  /** The tenant the caller is limited to; absent for operators of the whole cluster. */
  readonly tenant?: string;
}

/** One object's part in a change: before and after, `null` where it does not exist. */
export interface ObjectChange {
  /** `Service/acme/shop/web`. */
  readonly key: string;
  readonly before: HeddleObject | null;
  readonly after: HeddleObject | null;
}

/** One accepted change: one message in the log of desired state; all of it happened, or nothing. */
export interface Change {
  readonly changeId: string;
  readonly by: Principal;
  /** ISO 8601. */
  readonly at: string;
  /** What the caller asked for: apply, put, delete, scale, restart, rollback, register. */
  readonly verb: string;
  /** A sentence for the history. */
  readonly summary: string;
  readonly objects: readonly ObjectChange[];
}

/** A change with its position in the log, which is also the revision it gave to its objects. */
export interface LoggedChange extends Change {
  readonly position: number;
}

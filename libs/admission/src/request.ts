import type { AnyObject, ObjectRef, Principal } from '@heddle/model';

/** What someone asks for: objects to write and objects to delete, all of it or nothing. */
export interface AdmissionRequest {
  /** apply, put, delete, scale, restart, rollback, register. */
  readonly verb: string;
  /** Objects as a person writes them, parsed. What Heddle sets itself (uid, revision, generation) is ignored in them. */
  readonly puts: readonly AnyObject[];
  readonly deletes: readonly ObjectRef[];
  /**
   * Revisions that the caller has read, by key; the request is refused if one is no longer true. 0 means that the object
   * must not exist.
   */
  readonly expectedRevisions?: Readonly<Record<string, number>>;
  /** A sentence for the history; made from the change if absent. */
  readonly summary?: string;
}

/** What the coordinator knows about a request and gives to the change. */
export interface AdmissionContext {
  readonly by: Principal;
  /** ISO 8601. */
  readonly at: string;
  readonly changeId: string;
  /** The position that the change will get in the log: the new revision of its objects. */
  readonly position: number;
  /** Gives a uid that no object ever had. */
  readonly newUid: (key: string) => string;
}

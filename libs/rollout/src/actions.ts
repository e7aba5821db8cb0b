export interface StartInstance {
  readonly index: number;
  readonly templateHash: string;
  readonly reason: 'host-lost' | 'outdated' | 'misplaced' | 'missing';
}

export type StopReason = 'service-deleted' | 'service-recreated' | 'host-lost' | 'surplus' | 'outdated' | 'misplaced';

export interface StopInstance {
  /** Name of the allocation that gets the tombstone. */
  readonly allocation: string;
  readonly reason: StopReason;
  /** The reason as a sentence. */
  readonly message: string;
}

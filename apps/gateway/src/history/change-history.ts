import { undoChange, type State } from '@heddle/admission';
import { HeddleError, type LoggedChange } from '@heddle/model';
import { Injectable } from '@nestjs/common';
import { changedKeys, type Action } from '../coordinator/event-facts';
import { DesiredState } from '../state/desired-state';
import { StoreSession } from '../store/store-session';

/** A change as the history lists it. */
export interface HistoryItem {
  readonly position: number;
  readonly changeId: string;
  readonly at: string;
  readonly by: LoggedChange['by'];
  readonly verb: string;
  readonly summary: string;
  readonly changed: readonly { readonly key: string; readonly action: Action }[];
}

export interface HistoryPage {
  readonly items: readonly HistoryItem[];
}

export interface HistoryQuery {
  readonly limit: number;
  /** Only changes before this position. */
  readonly before?: number;
  /** Only changes of this object. */
  readonly key?: string;
  /** Whether the caller may see an object. */
  readonly visible: (key: string) => boolean;
}

/** Records of the log that are read at a time while going back. */
const STRETCH = 200;
/** How far back one request goes; `before` goes on from there. */
const MAX_LOOK_BACK = 20_000;

/** The past, as readings of the log. */
@Injectable()
export class ChangeHistory {
  constructor(
    private readonly session: StoreSession,
    private readonly desired: DesiredState,
  ) {}

  /** The newest changes that match, newest first. */
  async list({ limit, before = Infinity, key, visible }: HistoryQuery): Promise<HistoryPage> {
    const items: HistoryItem[] = [];
    const end = Math.min(before - 1, this.desired.position);
    const stop = Math.max(1, end - MAX_LOOK_BACK);
    for (let to = end; to >= stop && items.length < limit; to -= STRETCH) {
      for (const change of (await this.stretch(Math.max(1, to - STRETCH + 1), to)).reverse()) {
        const objects = change.objects.filter((part) => visible(part.key));
        if (objects.length === 0 || (key !== undefined && !objects.some((part) => part.key === key))) continue;
        const { position, changeId, at, by, verb, summary } = change;
        items.push({ position, changeId, at, by, verb, summary, changed: changedKeys(objects) });
        if (items.length === limit) break;
      }
    }
    return { items };
  }

  async get(position: number): Promise<LoggedChange | undefined> {
    const [change] = await this.stretch(position, position);
    return change;
  }

  /**
   * Desired state as it was after the change at a position, worked out by undoing what came later.
   * @throws HeddleError `not-found` for a position that is still to come
   */
  async stateAt(position: number): Promise<State> {
    const { position: now, state } = this.desired;
    if (position > now)
      throw new HeddleError('not-found', `there is no position ${position} yet; the newest is ${now}`);
    let past = state;
    for (let to = now; to > position; to -= STRETCH) {
      for (const change of (await this.stretch(Math.max(position + 1, to - STRETCH + 1), to)).reverse()) {
        past = undoChange(past, change);
      }
    }
    return past;
  }

  private async stretch(from: number, to: number): Promise<LoggedChange[]> {
    const found: LoggedChange[] = [];
    for await (const { change, position } of this.session.changes.read({ from, to }))
      found.push({ ...change, position });
    return found;
  }
}

import type { State } from '@heddle/admission';
import type { BucketView } from '@heddle/messaging';
import { HeddleError, type AnyObject, type HeddleObject, type Kind } from '@heddle/model';

export type DesiredView = Pick<BucketView<AnyObject>, 'entries' | 'position' | 'waitFor'>;

/**
 * Desired state at the newest position this gateway has seen: what reads show and changes are built on. While there is no
 * log to follow it stays as it was.
 */
export class DesiredState {
  private view: DesiredView | undefined;
  private last: { readonly state: State; readonly position: number } = { state: new Map(), position: 0 };

  get state(): State {
    return this.view?.entries ?? this.last.state;
  }
  /** Position of the log that has been seen. */
  get position(): number {
    return this.view?.position ?? this.last.position;
  }

  get(key: string): AnyObject | undefined {
    return this.state.get(key);
  }

  ofKind(kind: Kind): HeddleObject[] {
    const prefix = `${kind}/`;
    const found: HeddleObject[] = [];
    for (const [key, object] of this.state) if (key.startsWith(prefix)) found.push(object);
    return found;
  }

  /** Shows a view from now on. */
  show(view: DesiredView): void {
    this.view = view;
  }

  /** Shows from now on what the view was at last. */
  freeze(): void {
    this.last = { state: this.state, position: this.position };
    this.view = undefined;
  }

  /**
   * Resolves when the state is at `position` or beyond.
   * @throws HeddleError `deadline`; `unavailable` when there is no log to follow; the signal's reason when that aborts
   */
  async whenAt(position: number, deadlineMs: number, signal?: AbortSignal): Promise<void> {
    if (this.position >= position) return;
    if (!this.view) throw new HeddleError('unavailable', 'the log of changes cannot be read now');
    const reached = this.view.waitFor(position, deadlineMs);
    await (signal === undefined ? reached : unlessAborted(reached, signal));
  }
}

function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(HeddleError.from(signal.reason));
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    void work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

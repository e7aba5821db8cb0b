import { HeddleError } from '@heddle/model';

/** A point on the monotonic clock that bounds all the steps of one request. */
export class Deadline {
  private readonly at: number;

  constructor(readonly milliseconds: number) {
    this.at = performance.now() + milliseconds;
  }

  /** Milliseconds left, never negative. */
  remaining(): number {
    return Math.max(0, this.at - performance.now());
  }

  /** The error for a step that did not end in time; `what` names the step and its peer. */
  error(what: string): HeddleError {
    return new HeddleError(
      'deadline',
      `${what} took longer than ${this.milliseconds} ms; whether it took effect is unknown`,
    );
  }

  /** The result of `step`, or a `deadline` error. `onExpiry` can take back what was registered for the answer. */
  async bound<T>(step: Promise<T>, what: string, onExpiry?: () => void): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const expiry = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        onExpiry?.();
        reject(this.error(what));
      }, this.remaining());
    });
    try {
      return await Promise.race([step, expiry]);
    } finally {
      clearTimeout(timer);
    }
  }
}

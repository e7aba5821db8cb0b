import { HeddleError } from '@heddle/model';
import { withDeadline } from './deadline';

describe('withDeadline', () => {
  it('gives the result of work that is in time', async () => {
    await expect(withDeadline({ what: 'x', ms: 1000 }, async () => 7)).resolves.toBe(7);
  });

  it('passes the error of the work on', async () => {
    const error = new Error('broken');
    await expect(withDeadline({ what: 'x', ms: 1000 }, () => Promise.reject(error))).rejects.toBe(error);
  });

  it('fails with `deadline`, names the work and aborts it', async () => {
    let seen: AbortSignal | undefined;
    const hanging = withDeadline({ what: 'start web', ms: 5, advice: 'look at the plugin' }, (signal) => {
      seen = signal;
      return new Promise(() => undefined);
    });
    await expect(hanging).rejects.toMatchObject({
      code: 'deadline',
      retryable: true,
      message: 'start web did not finish within 5 ms; look at the plugin',
    });
    expect(seen?.aborted).toBe(true);
  });

  it('ends with the caller, and does not begin for a caller that has given up', async () => {
    const controller = new AbortController();
    const hanging = withDeadline(
      { what: 'x', ms: 60_000, signal: controller.signal },
      () => new Promise(() => undefined),
    );
    controller.abort();
    await expect(hanging).rejects.toMatchObject({ code: 'unavailable', message: 'x was cancelled' });

    let began = false;
    const late = withDeadline({ what: 'x', ms: 60_000, signal: controller.signal }, async () => {
      began = true;
    });
    await expect(late).rejects.toMatchObject({ code: 'unavailable' });
    expect(began).toBe(false);
  });

  it("keeps the caller's own reason", async () => {
    const reason = new HeddleError('fenced', 'a newer holder exists');
    const hanging = withDeadline({ what: 'x', ms: 60_000, signal: AbortSignal.abort(reason) }, async () => 1);
    await expect(hanging).rejects.toBe(reason);
  });
});

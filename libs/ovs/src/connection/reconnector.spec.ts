import { HeddleError } from '@heddle/model';
import { waitFor } from '../testing/wait-for';
import { Deadline } from './deadline';
import { Reconnector, type Session } from './reconnector';

class FakeSession implements Session {
  readonly closed: Promise<Error>;
  private end: (reason: Error) => void = () => undefined;

  constructor(readonly number: number) {
    this.closed = new Promise((resolve) => (this.end = resolve));
  }

  close(reason: Error): void {
    this.end(reason);
  }
}

const BACKOFF = { minMs: 2, maxMs: 20 };
const soon = (): Deadline => new Deadline(5_000);

describe('Reconnector', () => {
  let attempts: number[];
  let sessions: FakeSession[];
  let link: Reconnector<FakeSession>;
  let refuse: boolean;

  beforeEach(() => {
    attempts = [];
    sessions = [];
    refuse = false;
    link = new Reconnector(
      'the peer',
      async () => {
        attempts.push(performance.now());
        if (refuse) throw new HeddleError('unavailable', 'nobody is there');
        const session = new FakeSession(sessions.length);
        sessions.push(session);
        return session;
      },
      BACKOFF,
    );
  });

  afterEach(() => link.stop());

  it('hands out the one session that is open', async () => {
    const [a, b] = await Promise.all([link.session(soon()), link.session(soon())]);
    expect(a).toBe(b);
    expect(attempts).toHaveLength(1);
  });

  it('opens another session after one ended', async () => {
    const seen: string[] = [];
    link.on('connected', ({ number }) => seen.push(`connected ${number}`));
    link.on('disconnected', ({ message }) => seen.push(message));
    (await link.session(soon())).close(new Error('gone'));
    await waitFor(() => sessions.length === 2, 'the second session');
    expect(seen).toEqual(['connected 0', 'gone', 'connected 1']);
  });

  it('waits longer after each failure, up to the longest wait', async () => {
    refuse = true;
    link.start();
    await waitFor(() => attempts.length === 8, 'eight attempts');
    const waits = attempts.slice(1).map((at, index) => at - (attempts[index] as number));
    expect(waits[0]).toBeLessThan(waits.at(-1) as number);
    expect(waits.at(-1)).toBeGreaterThanOrEqual(BACKOFF.maxMs - 1);
  });

  it('does not hammer a peer that hangs up at once', async () => {
    link.on('connected', (session) => session.close(new Error('gone')));
    link.start();
    await waitFor(() => attempts.length === 8, 'eight attempts');
    expect((attempts[7] as number) - (attempts[6] as number)).toBeGreaterThanOrEqual(BACKOFF.maxMs - 1);
  });

  it('says at the deadline why there is no session', async () => {
    refuse = true;
    await expect(link.session(new Deadline(30))).rejects.toMatchObject({
      code: 'unavailable',
      retryable: true,
      message: 'not connected to the peer: nobody is there',
    });
  });

  it('gives a session to who waits when the peer is there in time', async () => {
    refuse = true;
    const waiting = link.session(soon());
    await waitFor(() => attempts.length >= 2, 'two attempts');
    refuse = false;
    expect((await waiting).number).toBe(0);
  });

  it('ends whatever waits when it is stopped, and stays stopped', async () => {
    refuse = true;
    const waiting = expect(link.session(soon())).rejects.toMatchObject({ code: 'unavailable', retryable: false });
    await link.stop();
    await waiting;
    await expect(link.session(soon())).rejects.toMatchObject({ retryable: false });
  });

  it('closes its session when it is stopped', async () => {
    const session = await link.session(soon());
    await link.stop();
    expect(String(await session.closed)).toContain('closed here');
    expect(link.connected).toBe(false);
  });
});

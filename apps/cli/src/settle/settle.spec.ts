import { HeddleError } from '@heddle/model';
import type { ChangeStatus } from '../api/types';
import { UnreachableError } from '../errors';
import { unsettledReasons } from '../render/settling';
import { QuickClock } from '../testing/quick-clock';
import { settle, type SettleLook } from './settle';

const status = (more: Partial<ChangeStatus> = {}): ChangeStatus => ({
  position: 7,
  policy: { inForce: 3, hosts: 3, missing: [] },
  services: [],
  settled: true,
  ...more,
});
const web = { service: 'acme/shop/web', replicas: 3, running: 1, healthy: 0, current: 1, settled: false };

async function run(answers: (ChangeStatus | Error)[], deadlineMs = 10_000) {
  const looks: SettleLook[] = [];
  const clock = new QuickClock();
  const api = {
    changeStatus: async () => {
      const answer = answers.length > 1 ? answers.shift() : answers[0];
      if (answer === undefined || answer instanceof Error) throw answer;
      return answer;
    },
  };
  const outcome = await settle(api, { position: 7, deadlineMs, clock, onLook: (look) => looks.push(look) });
  return { outcome, looks, waited: clock.monotonic() };
}

describe('settle', () => {
  it('looks until everything is in force and settled', async () => {
    const { outcome, looks } = await run([
      status({ settled: false }),
      status({ settled: false, policy: { inForce: 2, hosts: 3, missing: ['h2'] } }),
      status(),
    ]);
    expect(outcome.settled).toBe(true);
    expect(looks).toHaveLength(3);
  });

  it('gives up at the deadline and keeps what was last seen', async () => {
    const { outcome, waited } = await run([
      status({ settled: false, services: [{ ...web, reasons: ['h1: too little memory'] }] }),
    ]);
    expect(outcome.settled).toBe(false);
    expect(waited).toBe(10_000);
    expect(unsettledReasons(outcome)).toEqual(['acme/shop/web: 1 of 3 running, 0 healthy: h1: too little memory']);
  });

  it('goes on when the server is away for a while', async () => {
    const { outcome, looks } = await run([new UnreachableError('cannot reach it', false), status()]);
    expect(outcome.settled).toBe(true);
    expect(looks[0]?.problem).toBe('cannot reach it');
  });

  it('ends at once when asking on is of no use', async () => {
    await expect(run([new HeddleError('forbidden', 'not yours')])).rejects.toThrow('not yours');
  });

  it('reports hosts without the policy and a server that stayed away', () => {
    const look = {
      status: status({ policy: { inForce: 1, hosts: 3, missing: ['h2', 'h3'] } }),
      problem: 'connection refused',
    };
    expect(unsettledReasons(look)).toEqual([
      'the server cannot be asked: connection refused',
      'the policy is not in force on h2, h3',
    ]);
  });
});

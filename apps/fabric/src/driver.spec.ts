import { FakeClock } from '@heddle/host';
import type { EventFact, FabricState } from '@heddle/model';
import { StateTracker } from './driver';

describe('StateTracker', () => {
  const told = (...states: readonly FabricState[]): [facts: string[], levels: string[]] => {
    const clock = new FakeClock();
    const facts: EventFact[] = [];
    const levels: string[] = [];
    const log = {
      debug: () => void levels.push('debug'),
      info: () => void levels.push('info'),
      warn: () => void levels.push('warn'),
    };
    const tracker = new StateTracker({ fabric: 'aci', clock, log, emit: (fact) => facts.push(fact) });
    for (const state of states) tracker.note(state, `it is ${state}`);
    return [facts.map(({ what }) => what), levels];
  };

  it('tells when a Fabric is in force for the first time, and not again after each change', () => {
    const [facts, levels] = told('changing', 'in-force', 'in-force', 'changing', 'in-force', 'changing', 'in-force');
    expect(facts).toEqual(['in-force']);
    expect(levels).toEqual(['debug', 'info', 'debug', 'debug', 'debug', 'debug']);
  });

  it.each(['unreachable', 'refused', 'waiting'] as const)('tells that it is %s, and that it is over', (trouble) => {
    const [facts, levels] = told(
      'changing',
      'in-force',
      'changing',
      trouble,
      'changing',
      'in-force',
      'changing',
      'in-force',
    );
    expect(facts).toEqual(['in-force', trouble, 'in-force']);
    expect(levels).toEqual(['debug', 'info', 'debug', 'warn', 'debug', 'info', 'debug', 'debug']);
  });

  it('tells one trouble once, however often it is tried again, and another one that follows', () => {
    expect(told('unreachable', 'changing', 'unreachable', 'changing', 'unreachable')[0]).toEqual(['unreachable']);
    expect(told('unreachable', 'changing', 'waiting', 'refused')[0]).toEqual(['unreachable', 'waiting', 'refused']);
  });
});

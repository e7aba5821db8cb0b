import { acceptedPolicy, POLICY } from '../testing/parts';
import { PolicyView } from './policy-view';

const VIEW = new PolicyView(acceptedPolicy().entries);

describe('PolicyView', () => {
  it('knows classes and bridge domains of EPGs', () => {
    expect(VIEW.classOf('acme/shop/web')?.classId).toBe(16);
    expect(VIEW.classOf('acme/shop/none')).toBeUndefined();
    expect(VIEW.bridgeDomains.get(1)?.path).toBe('acme/default');
    expect(VIEW.highestClassId).toBe(17);
    expect(VIEW.entries.size).toBe(POLICY.length);
  });

  it('is empty without a policy', () => {
    const view = new PolicyView();
    expect([view.entries.size, view.highestClassId, view.classOf('acme/shop/web')]).toEqual([0, 0, undefined]);
  });
});

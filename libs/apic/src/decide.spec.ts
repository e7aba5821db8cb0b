import { decideSync, isInForce, type SyncDecision, type SyncInput } from './decide';
import { recordDn } from './record';
import { TreeModel } from './testing/tree-model';
import { domain, epg, tenant, wanted, type Wanted } from './testing/world';

const SPEC = { annotation: 'orchestrator:heddle', maxDeletions: 2 };
const HERE = { clusterUid: 'c1', incarnation: 1, position: 10 };
const RECORD = recordDn(SPEC.annotation);

const shop = (...epgs: string[]): Wanted =>
  wanted(
    [...tenant(), domain('lan'), ...epgs.map((name) => epg(`acme/shop/${name}`))],
    Object.fromEntries(epgs.map((name, i) => [`acme/shop/${name}`, 100 + i])),
  );

describe('decideSync', () => {
  let model: TreeModel;
  beforeEach(() => (model = new TreeModel()));

  const decide = (desired: Wanted, over: Partial<SyncInput> = {}, complete = true): SyncDecision =>
    decideSync({
      desired,
      reading: { objects: model.objects, complete, unread: new Set() },
      spec: SPEC,
      here: HERE,
      ...over,
    });
  const carryOut = ({ posts }: SyncDecision): void => posts.forEach((post) => model.post(post));
  const recorded = (): string | undefined => model.objects.get(RECORD)?.attributes['descr'];

  it('writes the record before anything else, and nothing when nothing is to be done', () => {
    const first = decide(shop('web'));
    expect(first.posts.map(({ dn }) => dn)).toEqual([
      RECORD,
      'uni/infra/vlanns-[lan]-static',
      'uni/phys-lan',
      'uni/tn-acme',
    ]);
    carryOut(first);
    expect(recorded()).toBe('heddle c1 incarnation 1 position 10');
    const second = decide(shop('web'), { here: { ...HERE, position: 11 } });
    expect(second.posts).toEqual([]);
    expect(isInForce(second)).toBe(true);
    expect(second.ours).toBe(model.objects.size - 1);
  });

  it('leaves an APIC alone on which nothing is wanted and nothing is ours', () => {
    model.add('uni/tn-theirs', 'fvTenant', { name: 'theirs', annotation: '' });
    expect(decide(wanted([])).posts).toEqual([]);
  });

  it('deletes what is not wanted any more, and moves the record on', () => {
    carryOut(decide(shop('web', 'api')));
    const less = decide(shop('web'), { here: { ...HERE, position: 12 } });
    expect(less.waiting).toBeUndefined();
    carryOut(less);
    expect(model.objects.has('uni/tn-acme/ap-shop/epg-api')).toBe(false);
    expect(recorded()).toBe('heddle c1 incarnation 1 position 12');
  });

  it('lets deletions wait that are too many, sends the rest, and deletes exactly what was confirmed', () => {
    carryOut(decide(shop('web', 'api')));
    const desired = shop('db');
    const decision = decide(desired);
    expect(decision.waiting).toMatchObject({
      deletions: 4,
      reason: expect.stringContaining('4 objects would be deleted'),
    });
    expect(isInForce(decision)).toBe(false);
    carryOut(decision);
    expect(model.objects.has('uni/tn-acme/ap-shop/epg-db')).toBe(true);
    expect(model.objects.has('uni/tn-acme/ap-shop/epg-web')).toBe(true);
    const { text = '' } = decide(desired).waiting ?? {};
    expect(decide(desired, { confirmed: (t) => t === `${text}x` }).waiting).toBeDefined();
    const confirmed = decide(desired, { confirmed: (t) => t === text });
    expect(confirmed.waiting).toBeUndefined();
    carryOut(confirmed);
    expect(isInForce(decide(desired))).toBe(true);
    expect(model.objects.has('uni/tn-acme/ap-shop/epg-web')).toBe(false);
  });

  it('deletes nothing that nobody is known to have made, before a person says so', () => {
    model.add('uni/tn-old', 'fvTenant', { name: 'old', annotation: SPEC.annotation });
    const decision = decide(shop('web'));
    expect(decision.waiting).toMatchObject({ deletions: 1, reason: expect.stringContaining('which cluster wrote it') });
    carryOut(decision);
    expect(model.objects.has('uni/tn-acme/ap-shop/epg-web')).toBe(true);
    // Without the record: with it, the next reading would delete.
    expect(recorded()).toBeUndefined();
    const { text } = decide(shop('web')).waiting ?? {};
    carryOut(decide(shop('web'), { confirmed: (t) => t === text }));
    expect(model.objects.has('uni/tn-old')).toBe(false);
    expect(recorded()).toBeDefined();
  });

  it.each([
    ['by another cluster', { ...HERE, clusterUid: 'c2' }, /cluster c1 with the same annotation/],
    ['from a later state', { ...HERE, position: 9 }, /position 10 .* older copy/],
    ['from a later incarnation', { ...HERE, incarnation: 0, position: 99 }, /older copy/],
  ])('sends nothing to an APIC that was written %s, before a person says so', (_what, here, reason) => {
    carryOut(decide(shop('web')));
    const decision = decide(shop('api'), { here });
    expect(decision.posts).toEqual([]);
    expect(decision.refused).toMatch(reason);
    expect(decision.plan.creations).not.toEqual([]);
    const { text } = decision.waiting ?? {};
    carryOut(decide(shop('api'), { here, confirmed: (t) => t === text }));
    expect(recorded()).toBe(`heddle ${here.clusterUid} incarnation ${here.incarnation} position ${here.position}`);
    expect(isInForce(decide(shop('api'), { here }))).toBe(true);
  });

  it('goes on from a store that an operator has accepted as it is', () => {
    carryOut(decide(shop('web')));
    const accepted = decide(shop('api'), { here: { clusterUid: 'c1', incarnation: 2, position: 3 } });
    expect([accepted.refused, accepted.waiting]).toEqual([undefined, undefined]);
  });

  it('neither deletes nor moves the record after a reading that is not complete', () => {
    carryOut(decide(shop('web', 'api')));
    const decision = decide(shop('web', 'db'), { here: { ...HERE, position: 20 } }, false);
    carryOut(decision);
    expect(model.objects.has('uni/tn-acme/ap-shop/epg-db')).toBe(true);
    expect(model.objects.has('uni/tn-acme/ap-shop/epg-api')).toBe(true);
    expect(recorded()).toBe('heddle c1 incarnation 1 position 10');
  });
});

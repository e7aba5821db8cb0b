import fc from 'fast-check';
import { contract, domain, epg, filter, host, tenant, wanted, type Wanted } from '../testing/world';
import { TreeModel } from '../testing/tree-model';
import type { PresentMo } from '../tree/mo';
import { diffTrees, type DiffOptions, type Reading } from './diff-trees';
import { deletionsText, isEmpty, type ApicPlan } from './plan';
import { postsOf, type Post } from './posts';

const OPTIONS: DiffOptions = { annotation: 'orchestrator:heddle', maxDeletions: 1_000 };
const WEB = 'uni/tn-acme/ap-shop/epg-web';

const shop = (
  choice: { readonly epgs?: readonly string[]; readonly port?: number; readonly ranges?: string } = {},
): Wanted => {
  const { epgs = ['web', 'api'], port = 8080, ranges = '100-199' } = choice;
  const vlans = Object.fromEntries(epgs.map((name, i) => [`acme/shop/${name}`, 100 + i]));
  return wanted(
    [
      ...tenant(),
      domain('lan', { vlans: ranges }),
      host('h1', 'eth1/5'),
      filter('http', { name: 'http', protocol: 'tcp', destinationPorts: port }),
      contract('web', { filters: ['http'] }),
      ...epgs.map((name) => epg(`acme/shop/${name}`, name === 'web' ? { consumes: ['web'] } : { provides: ['web'] })),
    ],
    vlans,
  );
};

const read = (model: TreeModel, over: Partial<Reading> = {}): Reading => ({
  objects: model.objects,
  complete: true,
  unread: new Set(),
  ...over,
});

function sent(plan: ApicPlan, { roots }: Wanted, model: TreeModel): Post[] {
  const posts = postsOf(plan, plan.deletionsAllowed ? plan.deletions : [], { roots, present: model.objects });
  for (const post of posts) model.post(post);
  return posts;
}

function modelOf(desired: Wanted): TreeModel {
  const model = new TreeModel();
  sent(diffTrees(desired, read(model), OPTIONS), desired, model);
  return model;
}

const dns = (objects: readonly { dn: string }[]): string[] => objects.map(({ dn }) => dn);

describe('diffTrees', () => {
  it('creates all that is not there, and then finds nothing to do', () => {
    const desired = shop();
    const model = modelOf(desired);
    expect([...model.objects.keys()].sort()).toEqual([...desired.all.keys()].sort());
    expect(isEmpty(diffTrees(desired, read(model), OPTIONS))).toBe(true);
  });

  it('changes only what we set and what differs', () => {
    const desired = shop();
    const model = modelOf(desired);
    const entry = model.objects.get('uni/tn-acme/flt-http/e-http') as PresentMo;
    model.add(entry.dn, entry.class, { ...entry.attributes, dFromPort: '80', descr: 'theirs', prot: 'tcp' });
    model.add(WEB, 'fvAEPg', { ...model.objects.get(WEB)?.attributes, prio: 'level1' });
    const { modifications, creations, deletions } = diffTrees(desired, read(model), OPTIONS);
    expect([creations, deletions]).toEqual([[], []]);
    expect(modifications.map(({ object, changes }) => [object.dn, [...changes]])).toEqual([
      ['uni/tn-acme/flt-http/e-http', [['dFromPort', { from: '80', to: '8080' }]]],
    ]);
  });

  it('knows a port by the name that an APIC shows for it', () => {
    const desired = shop({ port: 443 });
    const model = modelOf(desired);
    const entry = model.objects.get('uni/tn-acme/flt-http/e-http') as PresentMo;
    model.add(entry.dn, entry.class, { ...entry.attributes, dFromPort: 'https', dToPort: 'https' });
    expect(isEmpty(diffTrees(desired, read(model), OPTIONS))).toBe(true);
  });

  it('deletes what is ours and not wanted, and nothing else', () => {
    const model = modelOf(shop());
    model.add('uni/tn-other', 'fvTenant', { name: 'other', annotation: '' });
    model.add('uni/tn-acme/ap-theirs', 'fvAp', { name: 'theirs', annotation: 'orchestrator:terraform' });
    const desired = shop({ epgs: ['web'] });
    const plan = diffTrees(desired, read(model), OPTIONS);
    expect(dns(plan.deletions)).toEqual([
      'uni/tn-acme/ap-shop/epg-api/rsprov-web',
      'uni/tn-acme/ap-shop/epg-api/rspathAtt-[topology/pod-1/paths-101/pathep-[eth1/5]]',
      'uni/tn-acme/ap-shop/epg-api/rsdomAtt-[uni/phys-lan]',
      'uni/tn-acme/ap-shop/epg-api',
    ]);
    sent(plan, desired, model);
    expect(model.objects.has('uni/tn-acme/ap-shop/epg-api')).toBe(false);
    expect(model.objects.has('uni/tn-other')).toBe(true);
    expect(model.objects.has('uni/tn-acme/ap-theirs')).toBe(true);
  });

  it('finds what is ours below a tenant that is not wanted any more', () => {
    const desired = shop();
    const model = modelOf(desired);
    model.add('uni/tn-theirs', 'fvTenant', { name: 'theirs', annotation: '' });
    model.add('uni/tn-theirs/ap-old', 'fvAp', { name: 'old', annotation: OPTIONS.annotation });
    const plan = diffTrees(desired, read(model), OPTIONS);
    expect(dns(plan.deletions)).toEqual(['uni/tn-theirs/ap-old']);
    sent(plan, desired, model);
    expect(model.objects.has('uni/tn-theirs')).toBe(true);
    expect(isEmpty(diffTrees(desired, read(model), OPTIONS))).toBe(true);
  });

  describe('of objects of others', () => {
    const occupied = (dn: string, name: string, attributes: object = {}): { model: TreeModel; plan: ApicPlan } => {
      const model = new TreeModel().add('uni/tn-acme', 'fvTenant', { name: 'acme', annotation: '' });
      model.add(dn, name, { annotation: '', ...attributes });
      return { model, plan: diffTrees(shop(), read(model), OPTIONS) };
    };

    it('uses a tenant and an application profile as they are', () => {
      const { model, plan } = occupied('uni/tn-acme/ap-shop', 'fvAp', { name: 'shop' });
      expect(plan.conflicts).toEqual([]);
      const desired = shop();
      const [, , post] = sent(plan, desired, model);
      expect(post?.body['fvTenant']?.attributes).toEqual({ dn: 'uni/tn-acme', status: 'modified' });
      expect(model.objects.get('uni/tn-acme')?.attributes['annotation']).toBe('');
      expect(isEmpty(diffTrees(desired, read(model), OPTIONS))).toBe(true);
      const none = wanted([]);
      sent(diffTrees(none, read(model), OPTIONS), none, model);
      expect([...model.objects.keys()]).toEqual(['uni/tn-acme', 'uni/tn-acme/ap-shop']);
    });

    it('reports an object in the place of ours, and makes nothing below it and no relation to it', () => {
      const { plan } = occupied('uni/tn-acme/brc-web', 'vzBrCP', { name: 'web', annotation: 'orchestrator:terraform' });
      expect(plan.conflicts.map(({ dn, message }) => [dn, message])).toEqual([
        [
          'uni/tn-acme/brc-web',
          expect.stringContaining('somebody else\'s (its annotation is "orchestrator:terraform")'),
        ],
        ['uni/tn-acme/ap-shop/epg-api/rsprov-web', expect.stringContaining('it would name uni/tn-acme/brc-web')],
        ['uni/tn-acme/ap-shop/epg-web/rscons-web', expect.stringContaining('it would name uni/tn-acme/brc-web')],
      ]);
      expect(dns(plan.creations).filter((dn) => /brc-|rsprov|rscons/.test(dn))).toEqual([]);
      expect(dns(plan.creations)).toContain('uni/tn-acme/ap-shop/epg-web');
    });

    it('leaves what is below an object that somebody took over', () => {
      const desired = shop();
      const model = modelOf(desired);
      model.add(WEB, 'fvAEPg', { ...model.objects.get(WEB)?.attributes, annotation: 'orchestrator:terraform' });
      model.add(`${WEB}/rspathAtt-[x]`, 'fvRsPathAtt', { tDn: 'x', annotation: OPTIONS.annotation });
      const plan = diffTrees(desired, read(model), OPTIONS);
      expect([plan.creations, plan.modifications]).toEqual([[], []]);
      expect(dns(plan.conflicts)).toEqual([WEB]);
    });

    it('keeps an object of ours while something of theirs is below it', () => {
      const model = modelOf(shop());
      model.add(`${WEB}/rsnodeAtt-[topology/pod-1/node-101]`, 'fvRsNodeAtt', { annotation: '' });
      const desired = shop({ epgs: ['api'] });
      const plan = diffTrees(desired, read(model), OPTIONS);
      expect(dns(plan.deletions)).not.toContain(WEB);
      expect(dns(plan.deletions)).toContain(`${WEB}/rscons-web`);
      expect(plan.conflicts).toMatchObject([
        { dn: WEB, message: expect.stringContaining('node-101], which somebody else made') },
      ]);
    });

    it('tells what they added to ours', () => {
      const desired = shop();
      const model = modelOf(desired);
      model.add(`${WEB}/rscons-open`, 'fvRsCons', { tnVzBrCPName: 'open', annotation: '' });
      model.add('uni/tn-acme/out-l3', 'l3extOut', { name: 'l3', annotation: '' });
      const plan = diffTrees(desired, read(model), OPTIONS);
      expect(dns(plan.others)).toEqual([`${WEB}/rscons-open`]);
      expect(isEmpty(plan)).toBe(true);
    });

    it('takes a relation that exists by itself for a part of its parent', () => {
      const desired = shop();
      const model = modelOf(desired);
      model.add(`${WEB}/rsbd`, 'fvRsBd', { tnFvBDName: '', annotation: '' });
      const plan = diffTrees(desired, read(model), OPTIONS);
      expect(plan.conflicts).toEqual([]);
      expect(plan.modifications.map(({ object }) => object.dn)).toEqual([`${WEB}/rsbd`]);
    });
  });

  describe('guards deletions', () => {
    const deletionsOf = (over: Partial<DiffOptions>, reading: Partial<Reading> = {}): ApicPlan =>
      diffTrees(shop({ epgs: ['web'] }), read(modelOf(shop()), reading), { ...OPTIONS, ...over });

    it('waits when there are more than are allowed', () => {
      const plan = deletionsOf({ maxDeletions: 3 });
      expect(plan.deletionsAllowed).toBe(false);
      expect(plan.held).toBe("4 objects would be deleted, more than the 3 that are allowed without a person's word");
      expect(plan.deletions).toHaveLength(4);
      expect(deletionsOf({ maxDeletions: 4 }).deletionsAllowed).toBe(true);
    });

    it('waits for whatever reason it is given, also with one', () => {
      expect(deletionsOf({ hold: 'nobody knows who made them' })).toMatchObject({
        deletionsAllowed: false,
        held: 'nobody knows who made them',
      });
    });

    it('deletes nothing after a reading that is not complete', () => {
      expect(deletionsOf({}, { complete: false }).deletions).toEqual([]);
      expect(deletionsOf({ maxDeletions: 0 }, { complete: false }).held).toBeUndefined();
    });

    it('deletes nothing below an EPG whose VLAN is not known', () => {
      const model = modelOf(shop());
      const desired = { ...shop({ epgs: [] }), undecided: ['uni/tn-acme/ap-shop/epg-web'] };
      const below = dns(diffTrees(desired, read(model), OPTIONS).deletions).filter((dn) => dn.startsWith(`${WEB}/`));
      expect(below).toEqual([]);
    });

    it('changes nothing below a root that was not read', () => {
      const plan = diffTrees(
        shop(),
        read(new TreeModel(), { complete: false, unread: new Set(['uni/tn-acme']) }),
        OPTIONS,
      );
      expect(dns(plan.creations).filter((dn) => dn.startsWith('uni/tn-'))).toEqual([]);
      expect(dns(plan.creations)).toContain('uni/phys-lan');
    });

    it('stands for what it deletes by a text', () => {
      const text = deletionsText(deletionsOf({}));
      expect(text.split('\n')).toHaveLength(4);
      expect(deletionsText(deletionsOf({ maxDeletions: 1 }))).toBe(text);
    });
  });
});

describe('postsOf', () => {
  it('sends a tenant at once, after what it refers to, and deletes roots last', () => {
    const model = modelOf(shop());
    const desired = shop({ epgs: ['api', 'db'], ranges: '100-299' });
    const posts = sent(diffTrees(desired, read(model), OPTIONS), desired, model);
    expect(posts.map(({ dn, changes }) => [dn, changes])).toEqual([
      ['uni/infra/vlanns-[lan]-static', 2],
      ['uni/tn-acme', expect.any(Number)],
    ]);
    const none = wanted([]);
    const ends = sent(diffTrees(none, read(model), OPTIONS), none, model);
    expect(ends.map(({ dn }) => dn)).toEqual(['uni/tn-acme', 'uni/phys-lan', 'uni/infra/vlanns-[lan]-static']);
    expect(model.objects.size).toBe(0);
  });
});

describe('a request that would be too large', () => {
  it('leaves static paths to further ones', () => {
    const hosts = Array.from({ length: 60 }, (_, i) => host(`h${i}`, `eth1/${i + 1}`));
    const names = Array.from({ length: 90 }, (_, i) => `e${i}`);
    const desired = wanted(
      [...tenant(), domain('lan'), ...hosts, ...names.map((name) => epg(`acme/shop/${name}`))],
      Object.fromEntries(names.map((name, i) => [`acme/shop/${name}`, 100 + i])),
    );
    const model = new TreeModel();
    const posts = sent(diffTrees(desired, read(model), OPTIONS), desired, model);
    expect(posts.map(({ dn, changes }) => [dn, changes])).toEqual([
      ['uni/infra/vlanns-[lan]-static', 2],
      ['uni/phys-lan', 2],
      ['uni/tn-acme', 276],
      ['uni/tn-acme', 5_000],
      ['uni/tn-acme', 400],
    ]);
    expect(isEmpty(diffTrees(desired, read(model), OPTIONS))).toBe(true);
  });
});

describe('any desired state over any present state', () => {
  const choice = fc.record({
    epgs: fc.subarray(['web', 'api', 'db', 'cache']),
    port: fc.constantFrom(80, 8080),
    ranges: fc.constantFrom('100-199', '100-149,200-250'),
  });
  /** What others have, at places of ours and elsewhere. */
  const foreign = fc.subarray<[string, string]>([
    ['uni/tn-acme', 'fvTenant'],
    ['uni/tn-acme/ap-shop', 'fvAp'],
    ['uni/tn-acme/brc-web', 'vzBrCP'],
    ['uni/tn-acme/flt-http', 'vzFilter'],
    ['uni/tn-acme/BD-default', 'fvBD'],
    ['uni/tn-acme/ap-shop/epg-db', 'fvAEPg'],
    ['uni/tn-acme/ap-shop/epg-web/rsnodeAtt-[x]', 'fvRsNodeAtt'],
    ['uni/tn-acme/out-x', 'l3extOut'],
    ['uni/phys-lan', 'physDomP'],
    ['uni/tn-else', 'fvTenant'],
  ]);

  it('is reached by one plan, whose repetition has nothing left to do, and never touches what is not ours', () => {
    fc.assert(
      fc.property(choice, choice, foreign, (before, after, theirs) => {
        const model = modelOf(shop(before));
        for (const [dn, name] of theirs) model.add(dn, name, { annotation: '', descr: 'theirs' });
        const mine = new Set(theirs.map(([dn]) => dn));
        const desired = shop(after);
        const plan = diffTrees(desired, read(model), OPTIONS);
        const touched = [...plan.creations, ...plan.modifications.map(({ object }) => object), ...plan.deletions];
        for (const { dn } of touched) {
          expect(mine.has(dn)).toBe(false);
          expect(plan.deletions.some((gone) => [...mine].some((m) => m.startsWith(`${gone.dn}/`)))).toBe(false);
        }
        sent(plan, desired, model);
        for (const [dn] of theirs)
          expect(model.objects.get(dn)?.attributes).toMatchObject({ annotation: '', descr: 'theirs' });
        const again = diffTrees(desired, read(model), OPTIONS);
        expect([dns(again.creations), again.modifications, dns(again.deletions)]).toEqual([[], [], []]);
        const conflicting = new Set(dns(again.conflicts));
        const missing = [...desired.all.keys()].filter((dn) => !model.objects.has(dn));
        for (const dn of missing) {
          expect([...conflicting].some((c) => dn === c || dn.startsWith(`${c}/`))).toBe(true);
        }
      }),
    );
  });
});

import type { FabricPlan, FabricStatus, HeddleObject } from '@heddle/model';
import { withApi } from '../testing/with-api';

const { api, run } = withApi();

const fabric = (name: string, spec: object): HeddleObject<'Fabric'> => ({
  apiVersion: 'heddle/v1',
  kind: 'Fabric',
  metadata: { name, labels: {}, annotations: {} },
  spec: spec as HeddleObject<'Fabric'>['spec'],
});

const WAITING = { digest: '0123456789abcdef', reason: '2 objects would be deleted, more than the 1', deletions: 2 };

const ACI: FabricStatus = {
  fabric: 'aci',
  driver: 'apic',
  state: 'in-force',
  since: '2025-12-31T23:57:00Z',
  position: 7,
  missing: 0,
  controller: 'https://apic1.example',
  lastSync: '2025-12-31T23:59:30Z',
  objects: 40,
  conflicts: [],
  problems: [],
};
const RACK: FabricStatus = {
  fabric: 'rack',
  driver: 'ovs-leaf',
  state: 'changing',
  since: '2025-12-31T23:57:00Z',
  position: 7,
  missing: 1,
  leaves: [{ name: 'leaf1', state: 'ready', policyPosition: 6, inForce: false }],
  conflicts: [],
  problems: ['leaf leaf1 has the policy of position 6, not of 7 yet'],
};
const PLAN: FabricPlan = {
  fabric: 'aci',
  driver: 'apic',
  position: 7,
  changes: [
    { action: 'create', class: 'fvAEPg', dn: 'uni/tn-acme/ap-shop/epg-web', attributes: { name: { to: 'web' } } },
    { action: 'modify', class: 'vzEntry', dn: 'uni/tn-acme/flt-http/e-http', attributes: { dFromPort: { from: '80', to: '8080' }, descr: { to: '' } } },
    { action: 'delete', class: 'fvAEPg', dn: 'uni/tn-acme/ap-shop/epg-api' },
  ],
  totals: { create: 1, modify: 1, delete: 2 },
  conflicts: [{ class: 'fvBD', dn: 'uni/tn-acme/BD-default', message: "is somebody else's" }],
  waiting: WAITING,
  problems: ['Filter acme/odd entry x: found ICMP type 13'],
}; // prettier-ignore

describe('fabric', () => {
  beforeEach(() => {
    api().set(fabric('rack', { driver: 'ovs-leaf' }), fabric('aci', { driver: 'apic' }));
    api().fabricStatuses.set('aci', ACI).set('rack', RACK);
    api().fabricPlans.set('aci', PLAN);
  });

  it('status shows all of them, and what is wrong', async () => {
    const { out, code } = await run(['fabric', 'status']);
    expect(out.split('\n')).toEqual([
      'FABRIC  DRIVER    STATE     SINCE  POSITION  MISSING  BY                     COMPARED',
      'aci     apic      in-force  3m     7         0        https://apic1.example  30s',
      'rack    ovs-leaf  changing  3m     7         1        1 leaf                 -',
      '',
      'rack',
      '  leaf leaf1 has the policy of position 6, not of 7 yet',
      '',
    ]);
    expect(code).toBe(1);
  });

  it('status of one is in order when all is in force', async () => {
    expect((await run(['fabric', 'status', 'aci'])).code).toBe(0);
    expect(JSON.parse((await run(['fabric', 'status', 'aci', '-o', 'json'])).out)).toEqual(ACI);
    expect(JSON.parse((await run(['fabric', 'status', '-o', 'json'])).out)).toEqual({ items: [ACI, RACK] });
    const none = await run(['fabric', 'status', 'none']);
    expect([none.code, none.err]).toEqual([4, expect.stringContaining('there is no Fabric none')]);
  });

  it('plan shows what would be sent, and how to confirm what waits', async () => {
    const { out, code } = await run(['fabric', 'plan']);
    expect(out.split('\n')).toEqual([
      'Fabric aci, position 7',
      '  +  fvAEPg   uni/tn-acme/ap-shop/epg-web',
      '  ~  vzEntry  uni/tn-acme/flt-http/e-http  dFromPort: 80 → 8080, descr: - → -',
      '  -  fvAEPg   uni/tn-acme/ap-shop/epg-api',
      '  ... and 1 more',
      "  uni/tn-acme/BD-default is somebody else's",
      '  Filter acme/odd entry x: found ICMP type 13',
      '  waits for you: 2 objects would be deleted, more than the 1',
      '  to let it happen (2 deletions): heddle fabric confirm aci 0123456789abcdef',
      '1 to create, 1 to modify, 2 to delete, which wait',
      '',
    ]);
    expect(code).toBe(0);
    expect(JSON.parse((await run(['fabric', 'plan', 'aci', '-o', 'json'])).out)).toEqual(PLAN);
  });

  it('plan says when there is nothing to send, and nobody to send it to', async () => {
    const { waiting: _nothing, ...quiet } = PLAN;
    api().fabricPlans.set('aci', { ...quiet, changes: [], totals: { create: 0, modify: 0, delete: 0 }, conflicts: [], problems: [] }); // prettier-ignore
    expect((await run(['fabric', 'plan', 'aci'])).out).toBe('Fabric aci, position 7\nnothing to send\n');
    api().objects.delete('Fabric/aci');
    const none = await run(['fabric', 'plan']);
    expect([none.out, none.err]).toEqual(['', 'there is no Fabric of driver apic\n']);
  });

  it('plan goes on with the others where the controllers of one are away, and fails as the first that failed', async () => {
    api().set(fabric('b1', { driver: 'apic' }), fabric('b2', { driver: 'apic' }));
    api().fabricPlans.set('b2', { ...PLAN, fabric: 'b2' });
    api().intercept = ({ path }) =>
      path.includes('/fabrics/aci/plan')
        ? { status: 503, body: { code: 'unavailable', message: 'there is no file /etc/heddle/apic', retryable: true } }
        : undefined;
    const { code, out, err } = await run(['fabric', 'plan']);
    expect(code).toBe(6);
    expect(out).toMatch(/^Fabric b2, position 7\n/);
    expect(err.split('\n')).toEqual([
      'error: Fabric aci: there is no file /etc/heddle/apic',
      expect.stringMatching(/^error: Fabric b1: there is no /),
      '',
    ]);
    const data = await run(['fabric', 'plan', '-o', 'json']);
    expect([data.code, JSON.parse(data.out)]).toEqual([6, { items: [{ ...PLAN, fabric: 'b2' }] }]);
    expect((await run(['fabric', 'plan', 'aci'])).err).toBe('error: there is no file /etc/heddle/apic\n');
  });

  it('confirm takes the digest of what was looked at', async () => {
    api().fabricStatuses.set('aci', { ...ACI, state: 'waiting', missing: 2, waiting: WAITING });
    const wrong = await run(['fabric', 'confirm', 'aci', 'x']);
    expect([wrong.code, wrong.err]).toEqual([5, expect.stringContaining('what waits is not x any more')]);
    const done = await run(['fabric', 'confirm', 'aci', WAITING.digest]);
    expect([done.code, done.out]).toEqual([0, expect.stringContaining('in-force')]);
    expect((await run(['fabric', 'confirm', 'aci'])).code).toBe(2);
  });
});

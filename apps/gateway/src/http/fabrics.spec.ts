import type { FabricStatus } from '@heddle/model';
import type { ApiClient } from '../testing/api-client';
import type { FakeOwners } from '../testing/fake-owners';
import { startWithOwners, type TestGateway } from '../testing/test-gateway';

const ACI: FabricStatus = {
  fabric: 'aci',
  driver: 'apic',
  state: 'waiting',
  since: '2026-01-01T00:00:00Z',
  position: 7,
  missing: 60,
  controller: 'https://apic1.example',
  conflicts: [],
  waiting: { digest: '0123456789abcdef', reason: '60 objects would be deleted', deletions: 60 },
  problems: [],
};

describe('fabrics', () => {
  let gateway: TestGateway;
  let owners: FakeOwners;
  let api: ApiClient;

  beforeAll(async () => {
    ({ gateway, owners } = await startWithOwners());
    api = gateway.api();
    owners.fabricStatuses = [ACI, { ...ACI, fabric: 'rack', driver: 'ovs-leaf', state: 'in-force', missing: 0 }];
  });
  afterAll(async () => {
    await owners.close();
    await gateway.stop();
  });

  it('are told of by their service', async () => {
    await api.get('/api/v1/fabrics/aci/status').expect(200, ACI);
    await api.get('/api/v1/fabrics/none/status').expect(404, /there is no Fabric none/);
    expect((await api.get('/api/v1/fabrics/aci/plan').expect(200)).body).toEqual(owners.fabricPlan);
    expect((await api.get('/api/v1/status')).body.services.fabric).toEqual({ fabrics: 2, inForce: 1 });
  });

  it('are confirmed by a digest, and by nothing else', async () => {
    await api.post('/api/v1/fabrics/aci/confirm', { digest: '0123456789abcdef' }).expect(200, ACI);
    expect(owners.confirmed).toEqual([{ fabric: 'aci', digest: '0123456789abcdef' }]);
    await api.post('/api/v1/fabrics/aci/confirm', {}).expect(422, /digest/);
    await api.post('/api/v1/fabrics/aci/confirm?dryRun=true', { digest: 'x' }).expect(422, /found parameter dryRun/);
    await api.post('/api/v1/fabrics/No/confirm', { digest: 'x' }).expect(422, /name of a Fabric/);
    expect(owners.confirmed).toHaveLength(1);
  });

  it('are objects as well', async () => {
    const fabric = { kind: 'Fabric', metadata: { name: 'plan' }, spec: { driver: 'ovs-leaf' } };
    await api.put('/api/v1/fabrics/plan', fabric).expect(200);
    expect((await api.get('/api/v1/fabrics/plan').expect(200)).body).toMatchObject({ kind: 'Fabric', spec: { driver: 'ovs-leaf' } }); // prettier-ignore
  });
});

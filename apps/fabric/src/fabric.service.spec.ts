import { systemClock, waitFor } from '@heddle/host';
import { ChangeLogWriter, IdentityRecord, ManualTerm, MemoryBus, MemoryHub, MemoryStore } from '@heddle/messaging';
import { HeddleError, parseObject, type Change } from '@heddle/model';
import { RpcClient, silentLog, type RunningService } from '@heddle/service';
import { startFabric } from './fabric.module';

describe('what the fabric service is asked', () => {
  let hub: MemoryHub;
  let service: RunningService;
  let rpc: RpcClient;

  beforeAll(async () => {
    const store = new MemoryStore();
    hub = new MemoryHub();
    await (await IdentityRecord.open(store)).create();
    const writer = await ChangeLogWriter.openWriter<Change>({ store, term: new ManualTerm(1, 'test'), clock: systemClock }); // prettier-ignore
    const after = parseObject({ kind: 'Fabric', metadata: { name: 'rack', uid: 'u1' }, spec: { driver: 'ovs-leaf' } });
    await writer.append({
      changeId: 'c1',
      by: { principal: 'test' },
      at: '2026-01-01T00:00:00Z',
      verb: 'apply',
      summary: '',
      objects: [{ key: 'Fabric/rack', before: null, after }],
    });
    writer.close();
    const bus = new MemoryBus({ hub, name: 'fabric' });
    service = await startFabric({ bus, store, log: silentLog(), clock: systemClock });
    rpc = new RpcClient(new MemoryBus({ hub, name: 'gateway' }));
  });
  afterAll(() => service.stop(1_000));

  it('is answered once the lease is held', async () => {
    const answers = async (): Promise<unknown> =>
      rpc.call('fabric.status', {}).catch((error: HeddleError) => {
        if (error.code === 'unavailable') return undefined;
        throw error;
      });
    const status = await waitFor(answers, { deadlineMs: 10_000, what: 'the fabric service to hold its lease' });
    expect(status).toMatchObject([{ fabric: 'rack', driver: 'ovs-leaf' }]);
    await expect(rpc.call('fabric.status', { fabric: 'rack' })).resolves.toHaveLength(1);
    await expect(rpc.call('fabric.status', { fabric: 'none' })).rejects.toMatchObject({ code: 'not-found' });
    await expect(rpc.call('fabric.plan', { fabric: 'rack' })).rejects.toMatchObject({ code: 'refused' });
    await expect(rpc.call('fabric.confirm', { fabric: 'rack', digest: 'x' })).rejects.toMatchObject({
      code: 'conflict',
    });
  });

  it('is checked', async () => {
    await expect(rpc.call('fabric.plan', { fabric: 'No Name' })).rejects.toMatchObject({ code: 'invalid' });
    await expect(rpc.call('fabric.confirm', { fabric: 'rack', digest: '' })).rejects.toMatchObject({ code: 'invalid' });
    await expect(rpc.call('fabric.status', { Fabric: 'rack' } as never)).rejects.toMatchObject({ code: 'invalid' });
  });
});

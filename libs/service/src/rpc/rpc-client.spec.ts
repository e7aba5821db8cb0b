import { FakeClock } from '@heddle/host';
import { MemoryBus, subjects, type BusRequest } from '@heddle/messaging';
import { RpcClient } from './rpc-client';

describe('RpcClient', () => {
  it('waits no longer for what it asks on behalf of a request than the caller of that request does', async () => {
    const { hub } = new MemoryBus();
    const remaining: number[] = [];
    const principals: string[] = [];
    const policy = new MemoryBus({ hub, name: 'policy' });
    policy.serve(subjects.rpc('policy', 'status'), {}, (request) => {
      remaining.push(request.remainingMs());
      principals.push(request.context.principal);
      return null;
    });
    const middle = new MemoryBus({ hub, name: 'gateway' });
    const client = new RpcClient(middle);
    middle.serve('heddle.rpc.test.ask', {}, (request: BusRequest) =>
      client.call('policy.status', {}, { within: request }),
    );
    const context = { principal: 'user:anna', requestId: 'r' };
    await new MemoryBus({ hub, name: 'caller' }).request('heddle.rpc.test.ask', {}, { deadlineMs: 500, context });
    await client.call('policy.status', {});
    expect(remaining[0]).toBeLessThanOrEqual(500);
    expect(remaining[1]).toBeGreaterThan(500);
    expect(principals).toEqual(['user:anna', 'service:gateway']);
  });

  it('gives up at the deadline of the method', async () => {
    const clock = new FakeClock();
    const { hub } = new MemoryBus({ clock });
    new MemoryBus({ hub, name: 'policy' }).serve(
      subjects.rpc('policy', 'status'),
      {},
      () => new Promise(() => undefined),
    );
    const answer = new RpcClient(new MemoryBus({ hub, name: 'client' })).call('policy.status', {});
    const outcome = answer.then(
      () => 'answered',
      (error: { code: string }) => error.code,
    );
    await clock.advance(2_001);
    await expect(outcome).resolves.toBe('deadline');
  });
});

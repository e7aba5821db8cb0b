import { MemoryBus, MemoryStore, subjects, type BusRequest } from '@heddle/messaging';
import { HeddleError, type LogLine, type PolicyStatus } from '@heddle/model';
import { Controller, Module, NotFoundException } from '@nestjs/common';
import * as z from 'zod';
import { systemClock } from '@heddle/host';
import { silentLog } from '../logging/log';
import { runNestService } from '../run/nest-service';
import { serviceContext, type RunningService } from '../run/service';
import { Method } from './method.decorator';
import { RpcClient } from './rpc-client';

const seen: BusRequest[] = [];
let held: (() => void) | undefined;

@Controller()
class PolicyController {
  @Method('policy.status')
  status(_body: Record<string, never>, request: BusRequest): PolicyStatus {
    seen.push(request);
    return { position: 7, rules: 2, classes: 1 };
  }

  @Method('policy.verdict')
  verdict(): never {
    throw new HeddleError('invalid', 'found no such EPG', { problems: [{ path: '[0].source', message: 'unknown' }] });
  }

  @Method('policy.check')
  check(): never {
    throw new NotFoundException('nothing at that position');
  }

  @Method('policy.preview')
  async preview(): Promise<never> {
    await new Promise<void>((resolve) => (held = resolve));
    return undefined as never;
  }
}
@Module({ controllers: [PolicyController] })
class PolicyModule {}

@Controller()
class InventoryController {
  @Method('inventory.leaseBlock', {
    hosts: true,
    schema: z.strictObject({ host: z.string(), bridgeDomain: z.string(), have: z.array(z.string()) }),
  })
  leaseBlock({ host }: { host: string }): { block: string } {
    return { block: `${host}:10.32.0.0/26` };
  }
}
@Module({ controllers: [InventoryController] })
class InventoryModule {}

@Controller()
class AgentController {
  static left = false;

  @Method('agent.logs')
  async *logs(
    { allocation, follow }: { allocation: string; follow: boolean },
    request: BusRequest,
  ): AsyncIterable<LogLine> {
    if (allocation === '') throw new HeddleError('not-found', 'no such allocation');
    try {
      for (const line of ['one', 'two']) yield { stream: 'stdout', line };
      if (follow) await new Promise((resolve) => request.signal.addEventListener('abort', resolve));
    } finally {
      AgentController.left = true;
    }
  }
}
@Module({ controllers: [AgentController] })
class AgentModule {}

describe('HeddleTransport', () => {
  const running: RunningService[] = [];
  let hub: MemoryBus['hub'];
  let client: RpcClient;

  const start = async (name: string, module: new () => object, host?: string): Promise<RunningService> => {
    const bus = new MemoryBus({ hub, name, ...(host === undefined ? {} : { host }) });
    const deps = { bus, store: new MemoryStore(), log: silentLog(), clock: systemClock };
    const service = await runNestService(module, serviceContext(name, deps));
    running.push(service);
    return service;
  };

  beforeEach(() => {
    ({ hub } = new MemoryBus());
    client = new RpcClient(new MemoryBus({ hub, name: 'client' }));
    seen.length = 0;
  });
  afterEach(async () => {
    held?.();
    await Promise.all(running.splice(0).map((s) => s.stop(100)));
  });

  it('gives the handler the body and who asks, and the caller the answer', async () => {
    await start('policy', PolicyModule);
    const context = { principal: 'user:anna', tenant: 'acme', requestId: 'r1' };
    await expect(client.call('policy.status', {}, { context })).resolves.toEqual({ position: 7, rules: 2, classes: 1 });
    expect(seen[0]?.context).toMatchObject(context);
    expect(seen[0]?.host).toBeUndefined();
  });

  it('answers with the error that was thrown, its code and problems included', async () => {
    await start('policy', PolicyModule);
    await expect(client.call('policy.verdict', [])).rejects.toMatchObject({
      name: 'HeddleError',
      code: 'invalid',
      message: 'found no such EPG',
      problems: [{ path: '[0].source', message: 'unknown' }],
    });
  });

  it('translates the exceptions of Nest', async () => {
    await start('policy', PolicyModule);
    const change = { changeId: 'c', by: { principal: 'p' }, at: '', verb: 'apply', summary: '', objects: [] };
    await expect(client.call('policy.check', { basePosition: 0, change })).rejects.toMatchObject({
      code: 'not-found',
      message: 'nothing at that position',
      retryable: false,
    });
  });

  it('says that nobody serves a method when the service is not there', async () => {
    await expect(client.call('policy.status', {})).rejects.toMatchObject({ code: 'unavailable', retryable: true });
  });

  it('answers null for a handler without a result, and waits for handlers when it stops', async () => {
    const policy = await start('policy', PolicyModule);
    const change = { changeId: 'c', by: { principal: 'p' }, at: '', verb: 'apply', summary: '', objects: [] };
    const answer = client.call('policy.preview', { basePosition: 0, change });
    while (!held) await new Promise((resolve) => setImmediate(resolve));
    const stopped = policy.stop(1_000);
    held();
    await expect(answer).resolves.toBeNull();
    await stopped;
    await expect(client.call('policy.status', {})).rejects.toMatchObject({ code: 'unavailable' });
  });

  describe('methods for hosts', () => {
    const ask = (body: object, host = 'h1'): Promise<unknown> =>
      new RpcClient(new MemoryBus({ hub, name: 'agent', host })).call('inventory.leaseBlock', body as never);

    it('are served to hosts, who speak for themselves only', async () => {
      await start('inventory', InventoryModule);
      const body = { bridgeDomain: 'acme/default', have: [] };
      await expect(ask({ host: 'h1', ...body })).resolves.toEqual({ block: 'h1:10.32.0.0/26' });
      await expect(ask({ host: 'h2', ...body })).rejects.toMatchObject({ code: 'forbidden' });
    });

    it('check what a host sends', async () => {
      await start('inventory', InventoryModule);
      await expect(ask({ host: 'h1', bridgeDomain: 3, have: [], more: true })).rejects.toMatchObject({
        code: 'invalid',
        problems: [
          { path: 'inventory.leaseBlock.bridgeDomain', message: 'found number 3; expected a string: write it in quotes' },
          { path: 'inventory.leaseBlock.more', message: expect.stringContaining('unknown field') },
        ],
      });
    });

    it('are the only ones a host can reach', async () => {
      await start('policy', PolicyModule);
      const agent = new RpcClient(new MemoryBus({ hub, name: 'agent', host: 'h1' }));
      await expect(agent.call('policy.status', {})).rejects.toMatchObject({ code: 'unavailable' });
    });
  });

  describe('streams', () => {
    const read = async (lines: AsyncIterable<LogLine>): Promise<string[]> => {
      const found: string[] = [];
      for await (const { line } of lines) found.push(line);
      return found;
    };

    it('of one host are read line by line', async () => {
      await start('agent', AgentModule, 'h1');
      const lines = client.agent('h1').stream('agent.logs', { allocation: 'acme/shop/web-1', follow: false });
      await expect(read(lines)).resolves.toEqual(['one', 'two']);
    });

    it('end with the error of the handler', async () => {
      await start('agent', AgentModule, 'h1');
      const lines = client.agent('h1').stream('agent.logs', { allocation: '', follow: false });
      await expect(read(lines)).rejects.toMatchObject({ code: 'not-found' });
    });

    it('end at their source when the reader leaves', async () => {
      await start('agent', AgentModule, 'h1');
      AgentController.left = false;
      for await (const _line of client.agent('h1').stream('agent.logs', { allocation: 'a', follow: true })) break;
      while (!AgentController.left) await new Promise((resolve) => setImmediate(resolve));
    });
  });

  it('counts requests by method and outcome', async () => {
    const policy = await start('policy', PolicyModule);
    await client.call('policy.status', {});
    await client.call('policy.verdict', []).catch(() => undefined);
    const page = await policy.metrics.registry.metrics();
    expect(page).toMatch(/heddle_rpc_served_seconds_count\{.*method="policy.status".*code="ok".*\} 1/);
    expect(page).toMatch(/heddle_rpc_served_seconds_count\{.*method="policy.verdict".*code="invalid".*\} 1/);
  });

  it('refuses to serve a method of another service', async () => {
    await expect(start('scheduler', PolicyModule)).rejects.toThrow('has a handler for policy');
  });

  it('refuses an agent method on a bus that belongs to no host', async () => {
    await expect(start('agent', AgentModule)).rejects.toThrow("on the bus of a host's agent only");
  });

  it('serves the subject of the catalogue', async () => {
    await start('policy', PolicyModule);
    const bus = new MemoryBus({ hub, name: 'raw' });
    await expect(bus.request(subjects.rpc('policy', 'status'), {}, { deadlineMs: 1_000 })).resolves.toMatchObject({
      position: 7,
    });
  });
});

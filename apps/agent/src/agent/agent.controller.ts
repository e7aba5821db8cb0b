import { Controller, Inject } from '@nestjs/common';
import type { Engine } from '@heddle/docker';
import type { BusRequest } from '@heddle/messaging';
import type { LogLine, ProbeObservation, RpcRequest } from '@heddle/model';
import { Method } from '@heddle/service';
import type { Agent } from './agent';

export const AGENT = Symbol('Agent');
export const ENGINE = Symbol('Engine');

/** What the control plane may ask of this host. */
@Controller()
export class AgentController {
  constructor(
    @Inject(AGENT) private readonly agent: Agent,
    @Inject(ENGINE) private readonly engine: Engine,
  ) {}

  @Method('agent.probe')
  probe({ allocation, targets, timeoutMs }: RpcRequest<'agent.probe'>): Promise<ProbeObservation[]> {
    return this.agent.probe(allocation, targets, Math.min(timeoutMs, 10_000));
  }

  @Method('agent.logs')
  async *logs({ allocation, follow, tail }: RpcRequest<'agent.logs'>, request: BusRequest): AsyncIterable<LogLine> {
    const container = this.agent.containerOf(allocation);
    for await (const { stream, line } of this.engine.logs(container, { follow, tail, signal: request.signal }))
      yield { stream, line };
  }
}

import { Module, type DynamicModule } from '@nestjs/common';
import type { Engine } from '@heddle/docker';
import type { Agent } from './agent';
import { AGENT, AgentController, ENGINE } from './agent.controller';

@Module({})
export class AgentModule {
  static of(agent: Agent, engine: Engine): DynamicModule {
    return {
      module: AgentModule,
      controllers: [AgentController],
      providers: [
        { provide: AGENT, useValue: agent },
        { provide: ENGINE, useValue: engine },
      ],
    };
  }
}

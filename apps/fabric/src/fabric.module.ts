import { Module } from '@nestjs/common';
import { runNestService, serviceContext, type StartService } from '@heddle/service';
import { FabricController } from './fabric.controller';
import { FabricService } from './fabric.service';

@Module({ controllers: [FabricController], providers: [FabricService] })
export class FabricModule {}

export const startFabric: StartService = (deps) => runNestService(FabricModule, serviceContext('fabric', deps));

import { Module } from '@nestjs/common';
import { runNestService, serviceContext, type StartService } from '@heddle/service';
import { InventoryController } from './inventory.controller';
import { InventoryService } from './inventory.service';

@Module({ controllers: [InventoryController], providers: [InventoryService] })
export class InventoryModule {}

export const startInventory: StartService = (deps) =>
  runNestService(InventoryModule, serviceContext('inventory', deps));

import { Module } from '@nestjs/common';
import { runNestService, serviceContext, type StartService } from '@heddle/service';
import { SchedulerController } from './scheduler.controller';
import { SchedulerService } from './scheduler.service';

@Module({ controllers: [SchedulerController], providers: [SchedulerService] })
export class SchedulerModule {}

export const startScheduler: StartService = (deps) =>
  runNestService(SchedulerModule, serviceContext('scheduler', deps));

import { Module } from '@nestjs/common';
import { runNestService, serviceContext, type StartService } from '@heddle/service';
import { PolicyController } from './policy.controller';
import { PolicyService } from './policy.service';

@Module({ controllers: [PolicyController], providers: [PolicyService] })
export class PolicyModule {}

export const startPolicy: StartService = (deps) => runNestService(PolicyModule, serviceContext('policy', deps));

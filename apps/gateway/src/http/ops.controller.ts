import { answerOps, type OpsSource } from '@heddle/service';
import { Controller, Get, Inject, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { Open } from '../auth/auth.guard';

/** Injection token of the {@link OpsSource} of the whole process. */
export const OPS = Symbol('OpsSource');

/** For the machine that runs the gateway and for Prometheus; no token is needed. */
@ApiExcludeController()
@Open()
@Controller()
export class OpsController {
  constructor(@Inject(OPS) private readonly source: OpsSource) {}

  @Get(['healthz', 'readyz', 'metrics'])
  async answer(@Req() request: Request, @Res() response: Response): Promise<void> {
    const answer = await answerOps(request.path, this.source);
    if (!answer) return void response.status(404).end();
    response.status(answer.status).type(answer.contentType).send(answer.body);
  }
}

import { HeddleError } from '@heddle/model';
import { LOG, toHeddleError, type Log } from '@heddle/service';
import {
  Catch,
  HttpException,
  Inject,
  Injectable,
  NotFoundException,
  type ArgumentsHost,
  type ExceptionFilter,
} from '@nestjs/common';
import type { Request, Response } from 'express';
import { ApiError, httpStatus } from './api-error';
import { contextOf } from './request-context';

/** Answers every error in the one shape of the API, and never with more than a caller may know. */
@Catch()
@Injectable()
export class ErrorFilter implements ExceptionFilter {
  constructor(@Inject(LOG) private readonly log: Log) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<Request>();
    const response = host.switchToHttp().getResponse<Response>();
    this.answer(thrown, request, response);
  }

  answer(thrown: unknown, request: Request, response: Response): void {
    const error = this.shown(thrown, request);
    if (response.headersSent) {
      // A stream that has begun cannot take its status back; cutting it off is the only way to say that it is not whole.
      response.destroy();
      return;
    }
    if (error.code === 'unauthenticated') response.setHeader('www-authenticate', 'Bearer realm="heddle"');
    response.status(httpStatus(error)).json(error.toJSON());
  }

  private shown(thrown: unknown, request: Request): HeddleError {
    // Nest's own "Cannot GET /x" is for programmers.
    if (thrown instanceof NotFoundException) {
      return new HeddleError(
        'not-found',
        `there is nothing at ${request.method} ${request.path}; the API is described at /api/docs`,
      );
    }
    const error = toHeddleError(thrown);
    // What Nest and Express refuse by themselves keeps its status: a path that cannot be decoded is 400.
    if (thrown instanceof HttpException && error.code !== 'internal') return new ApiError(thrown.getStatus(), error);
    if (error.code !== 'internal') return error;
    const { requestId } = contextOf(request);
    this.log.error({ err: error, requestId, method: request.method, path: request.path }, 'request failed');
    return new HeddleError('internal', `a fault in Heddle; the log of the gateway has it under request ${requestId}`);
  }
}

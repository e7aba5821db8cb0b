import { HeddleError, type ErrorCode } from '@heddle/model';
import { HttpException } from '@nestjs/common';
import { RpcException } from '@nestjs/microservices';

const BY_STATUS: Readonly<Record<number, ErrorCode>> = {
  400: 'invalid',
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'not-found',
  405: 'invalid',
  406: 'invalid',
  408: 'deadline',
  409: 'conflict',
  412: 'conflict',
  413: 'limit',
  415: 'invalid',
  422: 'invalid',
  429: 'limit',
  503: 'unavailable',
  504: 'deadline',
};

/** Whatever a handler, a guard or Nest itself throws, as the one error shape of the system. */
export function toHeddleError(error: unknown): HeddleError {
  if (error instanceof HeddleError) return error;
  if (error instanceof HttpException) {
    return new HeddleError(BY_STATUS[error.getStatus()] ?? 'internal', error.message, { cause: error });
  }
  if (error instanceof RpcException) {
    const body = error.getError();
    return typeof body === 'string' ? new HeddleError('internal', body, { cause: error }) : HeddleError.fromJSON(body);
  }
  return HeddleError.from(error);
}

import { HeddleError } from '@heddle/model';
import { applyDecorators, Injectable, SetMetadata, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { ApiQuery } from '@nestjs/swagger';
import type { Request } from 'express';

const TAKEN = 'heddle:query';

export const DRY_RUN = 'true: check and plan only.';

/**
 * The query parameters that a request takes, each with its description. A request that changes something and does not say
 * so takes none: {@link QueryGuard} refuses the rest.
 */
export const TakesQuery = (parameters: Readonly<Record<string, string>>) =>
  applyDecorators(
    SetMetadata(TAKEN, Object.keys(parameters)),
    ...Object.entries(parameters).map(([name, description]) =>
      ApiQuery({ name, required: false, description, schema: { type: 'string' } }),
    ),
  );

/** @throws HeddleError `invalid` for a parameter that is not among `known` */
export function refuseUnknown(parameters: Readonly<Record<string, unknown>>, known: readonly string[]): void {
  const unknown = Object.keys(parameters).filter((name) => !known.includes(name));
  if (unknown.length === 0) return;
  const allowed = known.length === 0 ? 'none is allowed here' : `allowed are ${known.join(', ')}`;
  throw new HeddleError('invalid', `found parameter ${unknown.join(', ')}; ${allowed}`);
}

/**
 * Refuses parameters that a change does not know before anything of it is done: of one that is misspelt, such as `dryrun`,
 * nothing would be left but the change itself.
 */
@Injectable()
export class QueryGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<Request>();
    if (request.method === 'GET' || request.method === 'HEAD') return true;
    const parameters = request.query as Readonly<Record<string, unknown>>;
    refuseUnknown(parameters, this.reflector.get<readonly string[] | undefined>(TAKEN, context.getHandler()) ?? []);
    const twice = Object.keys(parameters).find((name) => typeof parameters[name] !== 'string');
    if (twice !== undefined) throw new HeddleError('invalid', `found ${twice} more than once; once is allowed`);
    return true;
  }
}

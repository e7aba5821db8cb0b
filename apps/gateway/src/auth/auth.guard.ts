import { HeddleError } from '@heddle/model';
import { Injectable, SetMetadata, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Request } from 'express';
import { identify } from '../http/request-context';
import { TokenStore } from './token-store';

const OPEN = 'heddle:open';

/** Marks a controller that needs no token. */
export const Open = () => SetMetadata(OPEN, true);

/** Lets in who brings a token that is known, and says who that is. */
@Injectable()
export class AuthGuard implements CanActivate {
  constructor(
    private readonly tokens: TokenStore,
    private readonly reflector: Reflector,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    if (this.reflector.getAllAndOverride<boolean>(OPEN, [context.getHandler(), context.getClass()])) return true;
    const request = context.switchToHttp().getRequest<Request>();
    const token = /^Bearer +([\x21-\x7e]{1,512})$/i.exec(request.get('authorization') ?? '')?.[1];
    if (token === undefined) {
      throw new HeddleError(
        'unauthenticated',
        'a token is needed: send "Authorization: Bearer TOKEN"; the administrator\'s is in the file admin-token of the state folder',
      );
    }
    const who = await this.tokens.find(token);
    if (!who) throw new HeddleError('unauthenticated', 'this token is not known, or not any more');
    identify(request, who);
    return true;
  }
}

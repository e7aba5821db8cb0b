import type { LoggerService } from '@nestjs/common';
import type { Log } from './log';

/** What NestJS itself has to say, in our log. Its progress reports are details: they become `debug`. */
export class NestLog implements LoggerService {
  constructor(private readonly target: Log) {}

  log(message: unknown, ...rest: unknown[]): void {
    this.target.debug(contextOf(rest), textOf(message));
  }
  debug(message: unknown, ...rest: unknown[]): void {
    this.target.debug(contextOf(rest), textOf(message));
  }
  verbose(message: unknown, ...rest: unknown[]): void {
    this.target.trace(contextOf(rest), textOf(message));
  }
  warn(message: unknown, ...rest: unknown[]): void {
    this.target.warn(contextOf(rest), textOf(message));
  }
  error(message: unknown, ...rest: unknown[]): void {
    // Nest hands over the stack as a string before the context.
    const stack = rest.find((part) => typeof part === 'string' && part.includes('\n    at '));
    this.target.error({ ...contextOf(rest), ...(stack === undefined ? {} : { stack }) }, textOf(message));
  }
  fatal(message: unknown, ...rest: unknown[]): void {
    this.target.fatal(contextOf(rest), textOf(message));
  }
}

/** Nest passes the name of the class that logs as the last argument. */
function contextOf(rest: readonly unknown[]): { context?: string } {
  const last = rest.at(-1);
  return typeof last === 'string' ? { context: last } : {};
}

const textOf = (message: unknown): string => {
  if (message instanceof Error) return message.message;
  return typeof message === 'string' ? message : (JSON.stringify(message) ?? String(message));
};

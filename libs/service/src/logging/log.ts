import { HeddleError } from '@heddle/model';
import pino, { type DestinationStream, type Logger } from 'pino';

/** A structured log: one JSON object a line. Fields first, then the sentence. */
export type Log = Logger;

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** How much each part of the process says: a level for all, and others for single services. */
export interface LogLevels {
  readonly all: LogLevel;
  readonly services: Readonly<Record<string, LogLevel>>;
}

/**
 * Reads `HEDDLE_LOG`: a level, and after commas levels of single services: `info`, `warn,policy=debug`.
 * @throws HeddleError `invalid`
 */
export function parseLogLevels(text: string): LogLevels {
  let all: LogLevel = 'info';
  const services: Record<string, LogLevel> = {};
  for (const part of text.split(',').map((p) => p.trim())) {
    if (part === '') continue;
    const [left, right] = part.split('=', 2) as [string, string | undefined];
    const level = LOG_LEVELS.find((l) => l === (right ?? left));
    if (!level || (right !== undefined && !/^[a-z-]+$/.test(left))) {
      throw new HeddleError(
        'invalid',
        `found log level "${part}"; allowed is one of ${LOG_LEVELS.join(', ')}, and for single services policy=debug`,
      );
    }
    if (right === undefined) all = level;
    else services[left] = level;
  }
  return { all, services };
}

/** The log of a process. It goes to standard error, so that standard output carries what a user asked for. */
export function createLog(levels: LogLevels, destination: DestinationStream = pino.destination(2)): Log {
  return pino(
    {
      level: levels.all,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: serializeError },
      redact: ['seed', 'token', '*.seed', '*.token', 'headers.authorization'],
    },
    destination,
  );
}

/** The log of one service of the process. */
export function serviceLog(log: Log, service: string, levels: LogLevels): Log {
  return log.child({ service }, { level: levels.services[service] ?? levels.all });
}

/** A log that says nothing, for tests. */
export const silentLog = (): Log => pino({ level: 'silent' });

/** HeddleErrors keep their code; the stack is kept only where it helps: for faults of ours. */
function serializeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: String(error) };
  const cause = error.cause === undefined ? {} : { cause: serializeError(error.cause) };
  if (error instanceof HeddleError && error.code !== 'internal') {
    return { code: error.code, message: error.message, ...cause };
  }
  return { type: error.name, message: error.message, stack: error.stack, ...cause };
}

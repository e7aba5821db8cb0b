import { HeddleError, type ErrorCode } from '@heddle/model';
import { ErrorCode as NatsCode, NatsError } from 'nats';

/** JetStream API error numbers (nats-server/server/errors.json) that mean something to us. */
export const JETSTREAM = {
  streamNotFound: 10059,
  messageNotFound: 10037,
  consumerNotFound: 10014,
  wrongLastMessageId: 10070,
  wrongLastSequence: 10071,
  streamExists: 10058,
  subjectsOverlap: 10065,
} as const;

const BY_NUMBER: Readonly<Record<number, ErrorCode>> = {
  [JETSTREAM.streamNotFound]: 'not-found',
  [JETSTREAM.messageNotFound]: 'not-found',
  [JETSTREAM.consumerNotFound]: 'not-found',
  [JETSTREAM.wrongLastMessageId]: 'conflict',
  [JETSTREAM.wrongLastSequence]: 'conflict',
  [JETSTREAM.streamExists]: 'conflict',
  [JETSTREAM.subjectsOverlap]: 'conflict',
  // Message larger than the stream or the account allows, stream or account full.
  10054: 'limit',
  10077: 'limit',
  10047: 'limit',
  10028: 'limit',
  10002: 'limit',
};

const BY_CODE: Readonly<Record<string, ErrorCode>> = {
  [NatsCode.NoResponders]: 'unavailable',
  [NatsCode.Timeout]: 'deadline',
  [NatsCode.PermissionsViolation]: 'forbidden',
  [NatsCode.AuthorizationViolation]: 'unauthenticated',
  [NatsCode.AuthenticationExpired]: 'unauthenticated',
  [NatsCode.AuthenticationTimeout]: 'unauthenticated',
  [NatsCode.MaxPayloadExceeded]: 'limit',
  [NatsCode.ConnectionClosed]: 'unavailable',
  [NatsCode.ConnectionDraining]: 'unavailable',
  [NatsCode.ConnectionRefused]: 'unavailable',
  [NatsCode.ConnectionTimeout]: 'unavailable',
  [NatsCode.Disconnect]: 'unavailable',
  [NatsCode.BadHeader]: 'invalid',
  [NatsCode.BadSubject]: 'invalid',
};

/** JetStream's own number of an error; nothing for errors of other kinds. */
export function jetStreamNumber(error: unknown): number | undefined {
  return error instanceof NatsError ? error.api_error?.err_code : undefined;
}

/** An error of the NATS client or server as ours. */
export function fromNats(error: unknown, doing: string): HeddleError {
  if (error instanceof HeddleError) return error;
  const number = jetStreamNumber(error);
  const message = error instanceof Error ? error.message : String(error);
  const text = `${doing}: ${message}`;
  if (number !== undefined) {
    const status = error instanceof NatsError ? error.api_error?.code : undefined;
    const code = BY_NUMBER[number] ?? (status === 503 ? 'unavailable' : 'internal');
    return new HeddleError(code, `${text} (JetStream error ${number})`, { cause: error });
  }
  if (error instanceof NatsError) {
    if (error.code === NatsCode.NoResponders) {
      return new HeddleError(
        'unavailable',
        `${doing}: nobody answers now; the service is not running or not connected`,
        {
          cause: error,
        },
      );
    }
    return new HeddleError(BY_CODE[error.code] ?? 'internal', text, { cause: error });
  }
  return new HeddleError('internal', text, { cause: error });
}

import { HeddleError } from '@heddle/model';

/** Major version of what is sent. A receiver refuses a newer one: it cannot know what it would miss. */
export const WIRE_VERSION = 1;

export const HEADER = {
  wire: 'Heddle-Wire',
  /** Milliseconds that the sender will go on waiting, counted from when it sent. */
  deadline: 'Heddle-Deadline',
  principal: 'Heddle-Principal',
  tenant: 'Heddle-Tenant',
  requestId: 'Heddle-Request-Id',
  /** W3C Trace Context. */
  traceparent: 'traceparent',
  /** A reply that is an error: its code; the body is the error. */
  error: 'Heddle-Error',
  /** Part of an answer that is a stream of messages; see bus/stream-protocol.ts. */
  stream: 'Heddle-Stream',
} as const;

export type Headers = Readonly<Record<string, string>>;

/** On whose behalf a request is made, and how to find its traces again. Travels in headers. */
export interface RequestContext {
  /** Who asks: the name that a token stands for, `host:h1`, or `service:scheduler@HOSTNAME`. */
  readonly principal: string;
  /** The tenant the caller is limited to; absent for operators of the whole cluster. */
  readonly tenant?: string;
  readonly requestId: string;
  /** W3C Trace Context header. */
  readonly traceparent?: string;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/** JSON of a value; `undefined` travels as `null`. Throws `invalid` for what JSON cannot say (a cycle, a BigInt). */
export function encodeBody(value: unknown): Uint8Array {
  try {
    return encoder.encode(JSON.stringify(value) ?? 'null');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new HeddleError('invalid', `cannot send this value as JSON: ${reason}`, { cause: error });
  }
}

/** @param what names the message for the error, for example `the reply of heddle.rpc.policy.status` */
export function decodeBody(data: Uint8Array, what: string): unknown {
  try {
    return JSON.parse(decoder.decode(data));
  } catch (error) {
    throw new HeddleError('invalid', `${what} is not JSON (${data.length} bytes)`, { cause: error });
  }
}

/** Refuses a message without a wire version or with a newer one. */
export function checkWire(headers: Headers, what: string): void {
  const found = headers[HEADER.wire];
  const major = Number.parseInt(found ?? '', 10);
  if (!Number.isSafeInteger(major) || major < 1) {
    throw new HeddleError(
      'invalid',
      `${what} has ${found === undefined ? `no ${HEADER.wire} header` : `"${found}" as ${HEADER.wire}`}; expected is ${WIRE_VERSION}`,
    );
  }
  if (major > WIRE_VERSION) {
    throw new HeddleError(
      'invalid',
      `${what} speaks wire version ${found}, this process understands up to ${WIRE_VERSION}: upgrade this process first`,
    );
  }
}

export function contextHeaders(context: RequestContext): Record<string, string> {
  const headers: Record<string, string> = {
    [HEADER.wire]: String(WIRE_VERSION),
    [HEADER.principal]: headerValue('principal', context.principal),
    [HEADER.requestId]: headerValue('requestId', context.requestId),
  };
  if (context.tenant !== undefined) headers[HEADER.tenant] = headerValue('tenant', context.tenant);
  if (context.traceparent !== undefined) headers[HEADER.traceparent] = headerValue('traceparent', context.traceparent);
  return headers;
}

/** @throws HeddleError `invalid` when the principal or the request id is missing */
export function contextFrom(headers: Headers, what: string): RequestContext {
  const principal = headers[HEADER.principal];
  const requestId = headers[HEADER.requestId];
  if (!principal || !requestId) {
    throw new HeddleError(
      'invalid',
      `${what} does not say who asks: ${HEADER.principal} and ${HEADER.requestId} are needed`,
    );
  }
  const tenant = headers[HEADER.tenant];
  const traceparent = headers[HEADER.traceparent];
  return {
    principal,
    requestId,
    ...(tenant === undefined ? {} : { tenant }),
    ...(traceparent === undefined ? {} : { traceparent }),
  };
}

/** Bytes that headers take on the wire: the `NATS/1.0` line, `name: value` lines, an empty line. */
export function headersSize(headers: Headers): number {
  let size = 'NATS/1.0\r\n\r\n'.length;
  for (const [name, value] of Object.entries(headers)) size += name.length + Buffer.byteLength(value) + 4;
  return size;
}

/** Refuses, before it is sent, a message that the server would refuse by closing the connection. */
export function checkSize(what: string, headers: Headers, data: Uint8Array, maxPayload: number): void {
  const size = data.length + headersSize(headers);
  if (size > maxPayload) {
    throw new HeddleError(
      'limit',
      `${what} is ${size} bytes; messages of at most ${maxPayload} bytes are allowed (max_payload of the NATS server)`,
    );
  }
}

function headerValue(name: string, value: string): string {
  if (value === '' || value.length > 256 || /\p{Cc}/u.test(value)) {
    throw new HeddleError(
      'invalid',
      `found ${JSON.stringify(value.slice(0, 40))} as ${name} of a request; allowed are 1 to 256 characters, no control characters`,
    );
  }
  return value;
}

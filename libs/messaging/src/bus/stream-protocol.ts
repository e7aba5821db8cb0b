import { HeddleError } from '@heddle/model';
import { HEADER, type Headers } from '../wire';

/**
 * An answer of many messages. The reader sends `open` with its window to the subject of the request. The source sends
 * `data` messages, numbered from 1, to the reader's inbox, at most `window` more than the reader has taken, then `end` or
 * `error` with the count. Every message of the source carries its control inbox as reply subject; there the reader
 * confirms what it has taken (`credit`), and gives up (`cancel`). Either side lets the other hear from it (`alive`,
 * `credit`) three times in each idle time, so that a partner that is gone is noticed, and so that a host's leave to
 * answer, which NATS ties to messages received, never runs out.
 */
export type StreamSignal =
  | { readonly kind: 'open'; readonly window: number; readonly idleMs: number }
  | { readonly kind: 'data' | 'end' | 'error' | 'credit'; readonly number: number }
  | { readonly kind: 'alive' | 'cancel' };

export function encodeSignal(signal: StreamSignal): Record<string, string> {
  switch (signal.kind) {
    case 'open':
      return { [HEADER.stream]: `open ${signal.window} ${signal.idleMs}` };
    case 'data':
    case 'end':
    case 'error':
    case 'credit':
      return { [HEADER.stream]: `${signal.kind} ${signal.number}` };
    case 'alive':
    case 'cancel':
      return { [HEADER.stream]: signal.kind };
  }
}

/** The signal of a message; nothing when it carries none. Throws `invalid` on one that is not understood. */
export function decodeSignal(headers: Headers): StreamSignal | undefined {
  const text = headers[HEADER.stream];
  if (text === undefined) return undefined;
  const [kind, first, second] = text.split(' ');
  const number = Number(first);
  switch (kind) {
    case 'open': {
      const idleMs = Number(second);
      if (Number.isSafeInteger(number) && number > 0 && Number.isFinite(idleMs) && idleMs > 0) {
        return { kind, window: number, idleMs };
      }
      break;
    }
    case 'data':
    case 'end':
    case 'error':
    case 'credit':
      if (Number.isSafeInteger(number) && number >= 0) return { kind, number };
      break;
    case 'alive':
    case 'cancel':
      return { kind };
  }
  throw new HeddleError('invalid', `found "${text}" as ${HEADER.stream}, which this process does not understand`);
}

export const DEFAULT_IDLE_MS = 15_000;
export const DEFAULT_WINDOW = 64;

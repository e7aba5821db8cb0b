import { HeddleError, type ErrorCode } from '@heddle/model';
import type { HttpAnswer } from './transport';

/** The body of every answer. */
export interface Imdata {
  readonly imdata: readonly unknown[];
  readonly totalCount: number;
  readonly subscriptionId?: string;
}

const CODES: Readonly<Record<number, ErrorCode>> = {
  400: 'refused',
  401: 'unauthenticated',
  403: 'forbidden',
  503: 'unavailable',
};

/**
 * Reads an answer.
 * @param what what was asked, for messages
 * @throws HeddleError what the APIC says; `unavailable` for what is not its answer
 */
export function readAnswer({ status, text }: HttpAnswer, what: string): Imdata {
  const body = parse(text);
  const error = errorIn(body);
  if (error !== undefined || status < 200 || status >= 300) {
    const said = error === undefined ? 'nothing more' : `${error.text} (code ${error.code})`;
    throw new HeddleError(CODES[status] ?? (status >= 500 ? 'unavailable' : 'refused'), `${what}: answered ${status}, ${said}`); // prettier-ignore
  }
  const { imdata, totalCount, subscriptionId } = (body ?? {}) as Record<string, unknown>;
  if (!Array.isArray(imdata))
    throw new HeddleError('unavailable', `${what}: the answer is not that of an APIC; is the address right?`);
  return {
    imdata,
    totalCount: Number(totalCount ?? imdata.length),
    ...(typeof subscriptionId === 'string' ? { subscriptionId } : {}),
  };
}

/** Whether an answer says that the token is not taken any more; a login gives another one. */
export const isTokenRefused = ({ status }: HttpAnswer): boolean => status === 401 || status === 403;

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // A proxy in front of an APIC answers in HTML; the status says enough.
    return undefined;
  }
}

/** `imdata[0].error.attributes`, which also comes with status 200 now and then. */
function errorIn(body: unknown): { code: string; text: string } | undefined {
  const { imdata } = (body ?? {}) as { imdata?: unknown };
  const [first] = Array.isArray(imdata) ? (imdata as unknown[]) : [];
  const { error } = (first ?? {}) as { error?: { attributes?: { code?: unknown; text?: unknown } } };
  if (error === undefined) return undefined;
  return { code: String(error.attributes?.code ?? '?'), text: String(error.attributes?.text ?? '?') };
}

import { waitFor, type Clock, type Files } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import { HeddleApi } from '../api/heddle-api';
import { HttpClient } from '../api/http-client';
import { toHeddleError } from '../errors';
import type { LabPort } from './port';

const DEADLINE_MS = 30_000;
const ASK_EVERY_MS = 100;

export interface LabApiOptions {
  readonly files: Files;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** How a lab's control plane is reached: what a context holds. */
export interface LabAddress {
  readonly api: string;
  readonly tokenFile: string;
}

/** The address of a lab's control plane, or nothing while it has none or has made no token yet. */
export async function labAddress(lab: LabPort): Promise<LabAddress | undefined> {
  const [{ api }, tokenFile] = await Promise.all([lab.status(), lab.tokenFile()]);
  return api && tokenFile !== undefined ? { api: api.url, tokenFile } : undefined;
}

/**
 * The same as soon as it is there: the server accepts connections a moment before it says where its token is.
 * @throws HeddleError `deadline`
 */
export function whenReachable(
  lab: LabPort,
  { clock, signal }: Pick<LabApiOptions, 'clock' | 'signal'>,
): Promise<LabAddress> {
  const what = `the control plane of lab ${lab.name} to say how it is reached`;
  return waitFor(() => labAddress(lab), { deadlineMs: DEADLINE_MS, intervalMs: ASK_EVERY_MS, what, clock, signal });
}

/** A client of a lab's control plane, or nothing while that has no address or token yet. */
export async function labApi(lab: LabPort, { files, signal }: LabApiOptions): Promise<HeddleApi | undefined> {
  const address = await labAddress(lab);
  const token = address && (await files.readText(address.tokenFile))?.trim();
  return address && token ? new HeddleApi(new HttpClient({ api: address.api, signal }), token) : undefined;
}

/**
 * Asks the lab's control plane for the NATS credentials of a host, as soon as it can answer.
 * @throws HeddleError `deadline` with the last that went wrong, or what the server refuses with
 */
export async function hostSeed(host: string, lab: LabPort, options: LabApiOptions): Promise<string> {
  const { clock, signal } = options;
  let last = 'it has no address and token yet';
  const seed = await waitFor(
    async () => {
      const api = await labApi(lab, options);
      if (!api) return undefined;
      try {
        return (await api.hostCredentials(host)).seed;
      } catch (error) {
        if (!toHeddleError(error).retryable) throw error;
        last = toHeddleError(error).message;
        return undefined;
      } finally {
        api.close();
      }
    },
    {
      deadlineMs: DEADLINE_MS,
      intervalMs: ASK_EVERY_MS,
      what: () => `the control plane of lab ${lab.name} to give credentials for ${host} (${last})`,
      clock,
      signal,
    },
  );
  if (typeof seed !== 'string') throw new HeddleError('internal', `the server gave no seed for ${host}`);
  return seed;
}

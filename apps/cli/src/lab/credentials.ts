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

/** The API of a lab's control plane, or nothing while it has no address or token yet. */
export async function labApi(lab: LabPort, { files, signal }: LabApiOptions): Promise<HeddleApi | undefined> {
  const { api } = await lab.status();
  const tokenFile = await lab.tokenFile();
  const token = tokenFile === undefined ? undefined : (await files.readText(tokenFile))?.trim();
  if (!api || !token) return undefined;
  return new HeddleApi(new HttpClient({ api: api.url, signal }), token);
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

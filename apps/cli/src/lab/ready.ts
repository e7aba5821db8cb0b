import { waitFor, type Clock } from '@heddle/host';
import { kindInfo, type HeddleObject } from '@heddle/model';
import type { HeddleApi } from '../api/heddle-api';
import { toHeddleError } from '../errors';
import { count } from '../render/words';

const LOOK_EVERY_MS = 200;
const DEFAULT_DOMAIN = 'default';

export interface ReadyOptions {
  readonly hosts: readonly string[];
  /** Leaves whose agents must be ready too. Default: none. */
  readonly leaves?: readonly string[];
  readonly deadlineMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onLook: (lines: readonly string[]) => void;
}

/**
 * Waits until the control plane reports these hosts and leaves as ready and has the domain that everything attaches to by default.
 * @throws HeddleError `deadline` that says what is missing
 */
export async function waitUntilReady(api: HeddleApi, options: ReadyOptions): Promise<void> {
  const { hosts, leaves = [], deadlineMs, clock, signal, onLook } = options;
  let missing: string[] = [];
  await waitFor(
    async () => {
      missing = await whatIsMissing(api, hosts, leaves);
      onLook([
        ...missing,
        ...(hosts.length > 0
          ? [
              `${hosts.length - missing.filter(isHostLine).length} of ${count(hosts.length, 'host')} ${hosts.length === 1 ? 'is' : 'are'} ready`,
            ]
          : []),
      ]);
      return missing.length === 0;
    },
    { deadlineMs, intervalMs: LOOK_EVERY_MS, what: () => `the lab to be ready: ${missing.join('; ')}`, clock, signal },
  );
}

const isHostLine = (line: string): boolean => line.startsWith('host ');

async function whatIsMissing(api: HeddleApi, hosts: readonly string[], leaves: readonly string[]): Promise<string[]> {
  try {
    const [known, domains] = await Promise.all([api.list(kindInfo('Host')), api.list(kindInfo('Domain'))]);
    const byName = new Map(known.items.map((host) => [host.metadata.name, host]));
    return [
      ...hosts.flatMap((name) => notReady(`host ${name}`, byName.get(name))),
      ...leaves.flatMap((name) => notReady(`leaf ${name}`, byName.get(name))),
      ...(domains.items.some(({ metadata }) => metadata.name === DEFAULT_DOMAIN)
        ? []
        : ['the domain "default" is not there']),
    ];
  } catch (error) {
    const { retryable, message } = toHeddleError(error);
    if (!retryable) throw error;
    return [`the server does not answer yet: ${message}`];
  }
}

function notReady(what: string, host: HeddleObject | undefined): string[] {
  if (!host) return [`${what} has not joined`];
  const { state, reason, problems } = host.status ?? {};
  if (state === 'ready') return [];
  const why = [reason, ...(Array.isArray(problems) ? problems : [])].filter(
    (text) => typeof text === 'string' && text !== '',
  );
  return [
    `${what} is ${typeof state === 'string' ? state : 'not ready'}${why.length > 0 ? `: ${why.join(', ')}` : ''}`,
  ];
}

import { byDn, readingQueries, type Desired, type PresentMo, type Query, type Reading } from '@heddle/apic';
import type { ApicClient } from '@heddle/apic-client';
import { HeddleError } from '@heddle/model';

/** Questions under way at one time. */
const AT_ONCE = 4;
/** How often a question is asked whose answer changed while it was read. */
const ATTEMPTS = 3;

export interface ApicReading extends Reading {
  /** Why it is not complete. */
  readonly problems: readonly string[];
}

/**
 * Reads all that a decision needs. What cannot be read makes the reading incomplete, and is named.
 * @throws HeddleError when nobody can be asked, or who wrote the APIC cannot be read
 */
export async function readApic(
  client: Pick<ApicClient, 'read'>,
  desired: Desired,
  annotation: string,
): Promise<ApicReading> {
  const [first, ...others] = readingQueries(desired, annotation) as [Query, ...Query[]];
  const objects = new Map<string, PresentMo>(byDn(await read(client, first)));
  const unread = new Set<string>();
  const problems: string[] = [];
  const next = others.values();
  const worker = async (): Promise<void> => {
    for (const query of next) {
      try {
        for (const object of await read(client, query)) objects.set(object.dn, object);
      } catch (error) {
        const failure = HeddleError.from(error);
        if (failure.code === 'unauthenticated') throw failure;
        if (query.type === 'subtree') unread.add(query.dn);
        problems.push(failure.message);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return { objects, unread, complete: problems.length === 0, problems };
}

async function read(client: Pick<ApicClient, 'read'>, query: Query): Promise<PresentMo[]> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await client.read(query);
    } catch (error) {
      if (HeddleError.from(error).code !== 'conflict' || attempt === ATTEMPTS) throw error;
    }
  }
}

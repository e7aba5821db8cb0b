import { isIpv4, type DistributedEndpoint } from '@heddle/model';
import type { LinkNames } from '../link/protocol';

/**
 * Where names lead: for every service the addresses of its healthy instances, sorted so that equal sets are equal values.
 * A service whose instances are all unhealthy keeps its name and leads nowhere, which a client can tell from a wrong name.
 */
export function namesOf(endpoints: Iterable<DistributedEndpoint>): LinkNames {
  const names: Record<string, string[]> = {};
  for (const { epg, service, healthy, addresses } of endpoints) {
    if (service === undefined) continue;
    const [tenant, application] = epg.split('/');
    const list = (names[`${tenant}/${application}/${service}`] ??= []);
    const address = addresses.find(isIpv4);
    if (healthy && address !== undefined) list.push(address);
  }
  for (const list of Object.values(names)) list.sort();
  return names;
}

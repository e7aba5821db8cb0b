import { linkAddress } from '@heddle/pipeline';
import type { Handlers } from '../link/peer';
import type { AttachMethods } from '../link/protocol';
import type { HostAddresses } from './addresses';
import type { NameTable } from './dns/name-table';
import type { Journal } from './journal';

/**
 * What the agent may ask of the attach daemon.
 * @param onConfigured has what is attached be as the new configuration wants; the agent is answered after it
 */
export const linkHandlers = (
  journal: Journal,
  addresses: HostAddresses,
  names: NameTable,
  onConfigured: () => Promise<void> = async () => undefined,
): Handlers<AttachMethods> => ({
  configure: async (configuration) => {
    await journal.update((state) => ({ ...state, configuration }));
    await onConfigured();
    return {};
  },
  names: async (records) => {
    names.replace(records);
    return {};
  },
  reserve: async ({ bridgeDomain, owner }) => (await addresses.reserve(bridgeDomain, owner)) ?? { exhausted: true },
  release: async ({ owner }) => {
    await addresses.release(owner);
    return {};
  },
});

/** Finds the tenant of the endpoint behind a link address: the link index is given by us, an address would be a claim. */
export function tenantFinder(journal: Journal): (address: string) => string | undefined {
  let known: Journal['state']['endpoints'] | undefined;
  let tenants: ReadonlyMap<string, string> = new Map();
  return (address) => {
    const { endpoints } = journal.state;
    if (endpoints !== known) {
      known = endpoints;
      tenants = new Map(Object.values(endpoints).map((e) => [linkAddress(e.linkIndex), e.epg.split('/')[0] as string]));
    }
    return tenants.get(address);
  };
}

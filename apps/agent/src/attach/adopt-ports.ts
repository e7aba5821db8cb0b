import { adopt, EMPTY_ADDRESS_TABLE } from '@heddle/ipam';
import { endpointOfPort } from '../datapath/port-ids';
import type { AttachedEndpoint } from '../link/protocol';
import type { PortDatabase } from '../port-database';
import type { Journal, JournalState } from './journal';
import { addressOwner, isAnonymous } from './options';

/**
 * Takes over what is attached: the ports of the bridge are the first authority, the journal the last. A port that the journal
 * does not know is written into it, one that it knows otherwise is believed; both are told. An address that the journal gives
 * to somebody else stays theirs, and is told as well: two of them must be looked at by a person.
 *
 * @returns sentences about what was found otherwise than expected
 */
export async function adoptPorts(
  journal: Journal,
  ovs: Pick<PortDatabase, 'listPorts'>,
  bridge: string,
): Promise<string[]> {
  const ports = await ovs.listPorts(bridge);
  const found = ports.flatMap((port) => endpointOfPort(port.name, port.externalIds) ?? []);
  let problems: string[] = [];
  await journal.update((state) => {
    problems = [];
    return found.reduce((next, endpoint) => adoptPort(next, endpoint, problems), state);
  });
  return problems;
}

const FACTS = ['bridgeDomain', 'epg', 'allocation', 'mac', 'address', 'linkIndex'] as const;
const sameEndpoint = (a: AttachedEndpoint, b: AttachedEndpoint): boolean => FACTS.every((fact) => a[fact] === b[fact]);

function adoptPort(state: JournalState, endpoint: AttachedEndpoint, problems: string[]): JournalState {
  const { endpointId, epg, address } = endpoint;
  const known = state.endpoints[endpointId];
  if (known && sameEndpoint(known, endpoint)) return state;
  const name = `endpoint ${endpointId.slice(0, 12)}`;
  problems.push(
    known
      ? `${name}: the bridge says ${epg} ${address}, the journal ${known.epg} ${known.address}; the bridge is believed`
      : `${name} (${epg} ${address}) is on the bridge and not in the journal; adopted`,
  );
  const gateways = state.configuration.bridgeDomains.find((d) => d.path === endpoint.bridgeDomain)?.gateways ?? [];
  const entry = {
    ...endpoint,
    networkId: known?.networkId ?? '',
    prefix: Number(gateways[0]?.split('/')[1] ?? 32),
  };
  return holdAddress({ ...state, endpoints: { ...state.endpoints, [endpointId]: entry } }, endpoint, problems);
}

function holdAddress(state: JournalState, endpoint: AttachedEndpoint, problems: string[]): JournalState {
  const { bridgeDomain, address } = endpoint;
  const owner = addressOwner(endpoint);
  const before = state.addresses[bridgeDomain] ?? EMPTY_ADDRESS_TABLE;
  const { table, conflict } = adopt(before, owner, address);
  // What a user started by hand holds its address under a name of the run that gave it.
  if (conflict && isAnonymous(owner) && conflict.heldBy !== undefined && isAnonymous(conflict.heldBy)) return state;
  if (conflict) problems.push(conflict.message);
  return { ...state, addresses: { ...state.addresses, [bridgeDomain]: table } };
}

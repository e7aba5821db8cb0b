import { adopt, EMPTY_ADDRESS_TABLE } from '@heddle/ipam';
import type { AttachedEndpoint } from '../link/protocol';
import type { AttachmentDriver } from './attachment-driver';
import type { Journal, JournalEndpoint, JournalState } from './journal';
import { addressOwner, isAnonymous } from './options';

/**
 * Takes over what is attached: the host is the first authority, the journal the last. An endpoint that the journal does not
 * know is written into it, one that it knows otherwise is believed; both are told. An address that the journal gives to
 * somebody else stays theirs, and is told as well: two of them must be looked at by a person.
 *
 * @returns sentences about what was found otherwise than expected
 */
export async function adoptEndpoints(
  journal: Journal,
  attachments: Pick<AttachmentDriver, 'attached'>,
): Promise<string[]> {
  const found = await attachments.attached();
  let problems: string[] = [];
  await journal.update((state) => {
    problems = [];
    return found.reduce((next, endpoint) => adoptEndpoint(next, endpoint, problems), state);
  });
  return problems;
}

const FACTS = ['bridgeDomain', 'epg', 'allocation', 'mac', 'address', 'linkIndex'] as const;
const sameEndpoint = (a: AttachedEndpoint, b: AttachedEndpoint): boolean => FACTS.every((fact) => a[fact] === b[fact]);

function adoptEndpoint(state: JournalState, endpoint: AttachedEndpoint, problems: string[]): JournalState {
  const { endpointId, epg, address } = endpoint;
  const known = state.endpoints[endpointId];
  if (known && sameEndpoint(known, endpoint)) return withPlace(state, known, endpoint);
  const name = `endpoint ${endpointId.slice(0, 12)}`;
  problems.push(
    known
      ? `${name}: attached is ${epg} ${address}, the journal says ${known.epg} ${known.address}; what is attached is believed`
      : `${name} (${epg} ${address}) is attached and not in the journal; adopted`,
  );
  const gateways = state.configuration.bridgeDomains.find((d) => d.path === endpoint.bridgeDomain)?.gateways ?? [];
  const entry = {
    ...endpoint,
    networkId: known?.networkId ?? '',
    prefix: Number(gateways[0]?.split('/')[1] ?? 32),
  };
  return holdAddress({ ...state, endpoints: { ...state.endpoints, [endpointId]: entry } }, endpoint, problems);
}

/** The mode of a child changes while it is attached, and nobody writes that into the journal. */
function withPlace(state: JournalState, known: JournalEndpoint, { macvlan }: AttachedEndpoint): JournalState {
  if (!macvlan || JSON.stringify(known.macvlan) === JSON.stringify(macvlan)) return state;
  return { ...state, endpoints: { ...state.endpoints, [known.endpointId]: { ...known, macvlan } } };
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

import { FakeFiles, HashedFile } from '@heddle/host';
import { HostAddresses } from '../attach/addresses';
import type { AttachmentDriver } from '../attach/attachment-driver';
import { Attachments } from '../attach/attachments';
import { EMPTY_JOURNAL, Journal, type JournalState } from '../attach/journal';
import type { AgentAccess } from '../link/link-server';
import type { AgentMethods, LinkAttachment, LinkConfiguration } from '../link/protocol';

export const JOURNAL_FILE = '/state/attach.journal';

/** Two bridge domains of different VRFs with one subnet, and one of two subnets. */
export const CONFIGURATION: LinkConfiguration = {
  bridgeDomains: [
    { path: 'acme/default', gateways: ['10.32.0.1/16'], blocks: ['10.32.0.0/29'] },
    { path: 'blue/default', gateways: ['10.32.0.1/16'], blocks: ['10.32.0.0/29'] },
    { path: 'acme/two', gateways: ['10.40.0.1/24', '10.41.0.1/24'], blocks: ['10.41.0.0/28'] },
  ],
  epgs: { 'acme/shop/web': 'acme/default', 'acme/shop/far': 'acme/two', 'blue/shop/web': 'blue/default' },
  mtu: 1450,
};

/** How the endpoints of an EPG attach that are children of an uplink. */
export const MACVLAN: Extract<LinkAttachment, { driver: 'macvlan' }> = {
  driver: 'macvlan',
  uplink: 'up0',
  mode: 'bridge',
  tagging: 'access',
  vlan: 101,
  mtu: 1400,
  shim: false,
};

/** A journal in memory. */
export async function openJournal(
  state: Partial<JournalState> = {},
  files = new FakeFiles(),
): Promise<{ journal: Journal; files: FakeFiles }> {
  const file = new HashedFile<JournalState>(files, JOURNAL_FILE, (json) => json as JournalState);
  await file.save({ ...EMPTY_JOURNAL, configuration: CONFIGURATION, ...state });
  return { journal: await Journal.open(file), files };
}

export const addressesOf = (journal: Journal, now: () => number = () => 1_000_000): HostAddresses =>
  new HostAddresses(journal, now);

export const attachmentsOf = (journal: Journal, ...drivers: readonly AttachmentDriver[]): Attachments =>
  new Attachments(drivers, () => journal.state.configuration);

/** An agent that answers as it is told, and keeps what it was asked. */
export class FakeAgent implements AgentAccess {
  readonly asked: { method: keyof AgentMethods; params: unknown }[] = [];
  /** What happens at the next call; succeeds by default. */
  answer: (method: keyof AgentMethods) => Promise<void> = async () => undefined;

  async ask<K extends keyof AgentMethods>(
    method: K,
    params: AgentMethods[K]['request'],
  ): Promise<AgentMethods[K]['response']> {
    this.asked.push({ method, params });
    await this.answer(method);
    return {};
  }
}

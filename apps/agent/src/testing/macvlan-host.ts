import path from 'node:path';
import { buildSync } from 'esbuild';
import { SystemFiles, SystemProcesses } from '@heddle/host';
import { HeddleIpamDriver } from '../attach/ipam-driver';
import { linkHandlers } from '../attach/link-handlers';
import { NameTable } from '../attach/dns/name-table';
import { MacvlanPart } from '../attach/macvlan/macvlan-part';
import { HeddleNetworkDriver } from '../attach/network-driver';
import type { AttachedEndpoint, LinkConfiguration } from '../link/protocol';
import { addressesOf, attachmentsOf, FakeAgent, openJournal } from './attach';
import { FakeAttachmentDriver } from './fake-attachment-driver';
import type { TestCable } from './test-cable';

/**
 * The attach daemon's part for macvlan on a real uplink, with a journal in memory and an agent that permits everything.
 * @param folder of the test; the program for sockets in containers is made in it, and the facts are kept there
 */
export async function openMacvlanHost(cable: TestCable, folder: string, configuration: LinkConfiguration) {
  const { journal } = await openJournal({ configuration });
  const addresses = addressesOf(journal, Date.now);
  const agent = new FakeAgent();
  const names = new NameTable();
  const problems: string[] = [];
  const part = new MacvlanPart({
    config: { runDir: folder },
    files: new SystemFiles(),
    ip: cable.ip,
    nft: cable.nft,
    commands: new SystemProcesses(),
    ovs: { listBridges: async () => [], listPorts: async () => [] },
    journal,
    names: () => names.current,
    onUndoFailed: ({ message }) => void problems.push(message),
    socketsProgram: socketsProgram(folder),
    log: (_level, message) => void problems.push(message),
  });
  const network = new HeddleNetworkDriver({
    journal,
    addresses,
    attachments: attachmentsOf(journal, new FakeAttachmentDriver(), part.driver),
    agent,
    now: () => new Date(),
    onAttaching: (endpoint) => part.changed(endpoint),
    onDetached: (endpoint) => part.changed(endpoint),
  });
  const { configure } = linkHandlers(journal, addresses, names, () => part.configured());
  /** What the agent was told last of the endpoints that it does not see. */
  const unported = (): readonly AttachedEndpoint[] =>
    (agent.asked.filter(({ method }) => method === 'unported').at(-1)?.params ?? []) as readonly AttachedEndpoint[];
  return {
    agent,
    names,
    problems,
    journal,
    addresses,
    part,
    network,
    ipam: new HeddleIpamDriver(journal, addresses, agent, 'test'),
    configure,
    unported,
    close: part.start(addresses, agent),
  };
}
export type MacvlanHost = Awaited<ReturnType<typeof openMacvlanHost>>;

function socketsProgram(folder: string): string {
  const outfile = path.join(folder, 'sockets.js');
  const entry = path.join(__dirname, '..', 'attach', 'dns', 'sockets-program.ts');
  buildSync({ entryPoints: [entry], outfile, bundle: true, platform: 'node', logLevel: 'error' });
  return outfile;
}

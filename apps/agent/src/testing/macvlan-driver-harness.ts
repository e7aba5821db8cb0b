import path from 'node:path';
import type { Files, IpCommand, IpWords } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import { MacvlanDriver, type MacvlanDriverOptions } from '../attach/macvlan/macvlan-driver';
import { MacvlanFacts } from '../attach/macvlan/facts';
import type { AttachedMacvlan } from '../link/protocol';
import type { AttachmentDriverHarness } from './attachment-driver-contract';

export const UPLINK = 'up0';
/** What hides the host: to whoever knows the uplink by its name, a host without it is another one. */
const HIDDEN = 'up0-hidden';

/** A child of the uplink itself, in the EPG of all endpoints of the contract. */
export const ACCESS: AttachedMacvlan = { uplink: UPLINK, mode: 'bridge', tagging: 'access', vlan: 101 };

export interface MacvlanDriverHarness extends AttachmentDriverHarness {
  readonly driver: MacvlanDriver;
  readonly facts: { readonly macvlan: AttachedMacvlan };
  restarted(): MacvlanDriver;
}

/**
 * The macvlan driver on an uplink that exists, as its contract wants it; `ip` and `files` may be real or fakes.
 * @param folder of its facts
 */
export async function macvlanDriverHarness(
  ip: IpCommand,
  files: Files,
  folder: string,
  options: Partial<MacvlanDriverOptions> = {},
): Promise<MacvlanDriverHarness> {
  const problems: string[] = [];
  const { links, fail } = failingLinks(ip);
  const make = (): MacvlanDriver =>
    new MacvlanDriver(links, new MacvlanFacts(files, path.join(folder, 'macvlan')), {
      switchPorts: async () => new Map(),
      onError: (error) => void problems.push(error.message),
      ...options,
    });
  const names = async (): Promise<string[]> => [
    ...(await ip.links()).map(({ ifname }) => `link ${ifname}`),
    ...(await files.list(path.join(folder, 'macvlan'))).map((name) => `file ${name}`),
  ];
  const rename = (from: string, to: string): Promise<void> =>
    ip.batch([
      ['link', 'set', 'dev', from, 'down'],
      ['link', 'set', 'dev', from, 'name', to],
      ['link', 'set', 'dev', to, 'up'],
    ]);
  const before = new Set(await names());
  return {
    driver: make(),
    problems,
    facts: { macvlan: ACCESS },
    restarted: make,
    failNext: (method, message) => fail(method, new HeddleError('unavailable', message)),
    link: async (name) => {
      const link = await ip.link(name);
      return link && { mac: link.address, mtu: link.mtu };
    },
    loseDevice: ({ port }) => ip.batch([['link', 'del', 'dev', port]]),
    hideHost: async () => {
      await rename(UPLINK, HIDDEN);
      return () => rename(HIDDEN, UPLINK);
    },
    added: async () => (await names()).filter((name) => !before.has(name)),
  };
}

/** Links that are made although that is said to have failed, so that there is more to undo, and that are not removed. */
function failingLinks(ip: IpCommand): {
  links: IpCommand;
  fail: (method: 'attach' | 'detach', error: HeddleError) => void;
} {
  const failures = new Map<'attach' | 'detach', HeddleError>();
  const throwFailure = (method: 'attach' | 'detach'): void => {
    const failure = failures.get(method);
    failures.delete(method);
    if (failure) throw failure;
  };
  const has = (commands: readonly IpWords[], verb: string): boolean =>
    commands.some(([object, word]) => object === 'link' && word === verb);
  return {
    fail: (method, error) => void failures.set(method, error),
    links: {
      query: (...of) => ip.query(...of),
      links: (...of) => ip.links(...of),
      link: (...of) => ip.link(...of),
      offloadsOff: (...of) => ip.offloadsOff(...of),
      filteredMacs: (...of) => ip.filteredMacs(...of),
      batch: async (commands, ...of) => {
        if (has(commands, 'del')) throwFailure('detach');
        await ip.batch(commands, ...of);
        if (has(commands, 'add')) throwFailure('attach');
      },
    },
  };
}

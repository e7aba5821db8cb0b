import path from 'node:path';
import { waitFor } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import { LinkServer } from '../link/link-server';
import type { LinkConfiguration } from '../link/protocol';
import { temporaryFolder } from '../testing/parts';
import { AttachLink } from './attach-link';

const configuration = (mtu: number): LinkConfiguration => ({ bridgeDomains: [], epgs: {}, mtu });

describe('AttachLink', () => {
  const socketPath = path.join(temporaryFolder(), 's');
  let link: AttachLink;
  let server: LinkServer | undefined;
  let got: string[];
  let problems: (string | undefined)[];
  let configured: number[];

  beforeEach(() => {
    got = [];
    problems = [];
    configured = [];
    const nothing = async () => ({});
    link = new AttachLink({
      socketPath,
      handlers: { attached: nothing, unported: nothing, leaseBlock: nothing },
      onConfigured: ({ mtu }) => configured.push(mtu),
      onProblem: (problem) => problems.push(problem),
    });
  });
  afterEach(async () => {
    link.close();
    await server?.close();
    server = undefined;
  });

  async function startDaemon(configure: () => Promise<object> = async () => ({})): Promise<void> {
    server = await LinkServer.listen(
      socketPath,
      {
        configure: async ({ mtu }) => {
          got.push(`configure ${mtu}`);
          return (await configure()) as Record<string, never>;
        },
        names: async (names) => {
          got.push(`names ${Object.keys(names).join()}`);
          return {};
        },
        reserve: async () => ({ exhausted: true }),
        release: async () => ({}),
      },
      () => undefined,
    );
  }
  const until = (what: string, condition: () => boolean) =>
    waitFor(condition, { deadlineMs: 5_000, intervalMs: 5, what });

  it('gives every daemon that comes the newest configuration and names, and says when it has them', async () => {
    link.configure(configuration(1));
    link.configure(configuration(2));
    link.setNames({ 'acme/shop/api': [] });
    await startDaemon();
    await until('both', () => got.length === 2);
    expect(got.sort()).toEqual(['configure 2', 'names acme/shop/api']);
    await until('the confirmation', () => configured.length === 1);
    expect(link.problem).toBeUndefined();

    await server?.close();
    await until('its absence', () => link.problem !== undefined);
    expect(link.problem).toMatch(/attach daemon is away.*containers that run are not affected/);
    got.length = 0;
    await startDaemon();
    await until('both again', () => got.length === 2);
    expect(link.problem).toBeUndefined();
  });

  it('has nothing to give before it was told', async () => {
    await startDaemon();
    await until('the connection', () => link.problem === undefined);
    await link.call('release', { owner: 'a' });
    expect(got).toEqual([]);
  });

  it('tells what the daemon does not take, until it does', async () => {
    let full = true;
    await startDaemon(async () => {
      if (full) throw new HeddleError('unavailable', 'disk full');
      return {};
    });
    await until('the connection', () => link.problem === undefined);
    link.setNames({});
    await expect(link.configured(configuration(3))).rejects.toThrow('disk full');
    await until('the names', () => got.includes('names '));
    expect(link.problem).toBe('the attach daemon does not take its configuration: disk full');
    full = false;
    await until('the next attempt', () => link.problem === undefined);
    expect(configured).toEqual([3]);
  });

  it('resolves when the daemon has the configuration', async () => {
    await startDaemon();
    await until('the connection', () => link.problem === undefined);
    await link.configured(configuration(4));
    expect(got).toEqual(['configure 4']);
  });

  it('fails calls while there is no daemon', async () => {
    await expect(link.call('release', { owner: 'a' })).rejects.toMatchObject({ code: 'unavailable' });
  });
});

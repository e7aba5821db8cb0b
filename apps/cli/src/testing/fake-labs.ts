import type { Files } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import type { LabNodeView, LabPort, Labs, LabServer, LabStatusView, OpenLabOptions } from '../lab/port';
import { domain, host } from './cluster';
import type { FakeApi } from './fake-api';

/**
 * Labs in memory, with one server standing for all their control planes. A host that comes up asks for its credentials
 * and joins the server, as `ready` or as whatever `joinAs` says.
 */
export class FakeLabs implements Labs {
  readonly made = new Map<string, string[]>();
  readonly seeds: string[] = [];
  readonly images: string[] = [];
  readonly servers = new Map<string, LabServer>();
  /** Whether leaves have an agent, which then joins like a host. */
  leafAgent = false;
  joinAs = 'ready';
  /** How often a control plane is asked where its token is before it says so. */
  silentFor = 0;
  /** Why a part of every lab is dead; the next `up` begins anew. */
  dead: string | undefined;
  /** Makes the next `up` or `hostUp` fail, as a lab does that could not start a part. */
  failure: HeddleError | undefined;

  constructor(
    private readonly api: FakeApi,
    private readonly files: Files,
  ) {}

  async names(): Promise<string[]> {
    return [...this.made.keys()].sort();
  }

  async open(options: OpenLabOptions): Promise<LabPort> {
    const { name, hosts = 0 } = options;
    if (!/^[a-z]+$/.test(name))
      throw new HeddleError('invalid', `a lab is named with 1 to 7 of a-z 0-9, not "${name}"`);
    const tokenFile = `/labs/${name}/token`;
    const port: LabPort = {
      name,
      nodesFolder: `/labs/${name}/nodes`,
      up: async () => {
        options.onProgress?.({ node: 'ctl', step: 'start server', state: 'started' });
        if (this.failure) throw this.failure;
        await this.files.writeAtomic(tokenFile, `${this.api.token}\n`);
        this.api.set(domain());
        if (this.dead !== undefined) this.made.delete(name);
        this.dead = undefined;
        const have = this.made.get(name) ?? [];
        this.made.set(name, have);
        options.onProgress?.({ node: 'ctl', step: 'start server', state: 'done', ms: 700 });
        if (this.leafAgent) await this.joinAsAgent('leaf', port, options);
        for (let i = 1; i <= hosts; i++) if (!have.includes(`h${i}`)) await this.join(have, `h${i}`, port, options);
        return this.status(name);
      },
      down: async () => void this.made.delete(name),
      hostUp: async (hostName) => {
        if (this.failure) throw this.failure;
        await this.join(this.made.get(name) ?? [], hostName, port, options);
      },
      hostDown: async (hostName) =>
        void this.made.set(
          name,
          (this.made.get(name) ?? []).filter((known) => known !== hostName),
        ),
      serverUp: async (server) => {
        if (this.failure) throw this.failure;
        this.servers.set(server.name, server);
        const { mac = '02:68:0a:20:00:14', vlan } = server;
        return { mac, leaf: 'leaf', port: `${name}-${server.name}_f`, ...(vlan === undefined ? {} : { vlan }) };
      },
      serverDown: async (server) => void this.servers.delete(server),
      status: async () => this.status(name),
      tokenFile: async () => (this.made.has(name) && this.silentFor-- <= 0 ? tokenFile : undefined),
      buildDemoImage: async (hostName) => void this.images.push(`${name}/${hostName}`),
    };
    return port;
  }

  private async join(have: string[], hostName: string, port: LabPort, options: OpenLabOptions): Promise<void> {
    have.push(hostName);
    await this.joinAsAgent(hostName, port, options);
  }

  private async joinAsAgent(hostName: string, port: LabPort, options: OpenLabOptions): Promise<void> {
    this.seeds.push((await options.credentials?.(hostName, port)) ?? 'none');
    this.api.set(host(hostName, this.joinAs, this.joinAs === 'ready' ? {} : { reason: 'no heartbeat for 6 s' }));
  }

  private status(name: string): LabStatusView {
    const hosts = this.made.get(name);
    if (!hosts) return { name, state: 'absent', nodes: [] };
    const node = (nodeName: string, kind: LabNodeView['kind'], ...parts: string[]): LabNodeView => ({
      name: nodeName,
      kind,
      state: 'running',
      parts: parts.map((part) => ({ name: part, state: 'running', pid: 1 })),
    });
    return {
      name,
      ...(this.dead === undefined ? { state: 'running' } : { state: 'dead', reason: this.dead }),
      api: { url: this.api.url, socket: '/labs/api.sock' },
      nodes: [
        node('leaf', 'leaf', 'vswitchd', ...(this.leafAgent ? ['agent'] : [])),
        node('ctl', 'control', 'server'),
        ...hosts.map((h) => node(h, 'host', 'agent')),
        ...[...this.servers.keys()].map((s) => node(s, 'server')),
      ],
    };
  }
}

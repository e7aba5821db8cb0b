import type { IpamDriver } from '../plugin/ipam-driver';
import { ipamService } from '../plugin/ipam-service';
import type {
  CreateEndpointRequest,
  EndpointAddresses,
  JoinReply,
  JoinRequest,
  NetworkDriver,
} from '../plugin/network-driver';
import { networkService } from '../plugin/network-service';
import { PluginServer, type PluginCall } from '../plugin/plugin-server';
import type { TestEngine } from '../test-engine';

/** The name under which the engine finds the toy. */
export const TOY = 'toy';
export const TOY_NETWORK = {
  name: 'toy-net',
  driver: TOY,
  ipamDriver: TOY,
  subnet: '10.77.0.0/16',
  gateway: '10.77.0.1',
  options: { 'heddle.bd': 'acme/default' },
  labels: { 'heddle.tenant': 'acme' },
};

const LINKS = `ip link add name "$1" type veth peer name "$2" &&
  ethtool -K "$2" tx off >/dev/null && ip link set dev "$1" master toy0 up`;

/** The least that gives a container an interface: a veth pair a container, on a bridge in the engine's namespace. */
export class ToyDriver implements NetworkDriver, IpamDriver {
  readonly endpoints = new Map<string, CreateEndpointRequest>();
  readonly calls: PluginCall[] = [];
  /** Replaces the answer to Join. */
  onJoin: ((request: JoinRequest) => Promise<JoinReply>) | undefined;
  private next = 1;

  constructor(private readonly test: TestEngine) {}

  /** Makes the bridge and serves the plugin where the engine looks for it. */
  async serve(deadlineMs = 5000): Promise<PluginServer> {
    const bridge = await this.test.inNetns(['ip', '-o', 'link', 'show', 'type', 'bridge']);
    if (!bridge.includes('toy0')) {
      await this.test.inNetns(['ip', 'link', 'add', 'name', 'toy0', 'type', 'bridge']);
      await this.test.inNetns(['ip', 'address', 'add', `${TOY_NETWORK.gateway}/16`, 'dev', 'toy0']);
      await this.test.inNetns(['ip', 'link', 'set', 'dev', 'toy0', 'up']);
    }
    const server = new PluginServer({
      socketPath: this.test.pluginSocket(TOY),
      services: [networkService(this), ipamService(this)],
      deadlineMs,
      onCall: (call) => this.calls.push(call),
    });
    await server.start();
    return server;
  }

  private names(endpointId: string): [host: string, container: string] {
    return [`th${endpointId.slice(0, 10)}`, `tc${endpointId.slice(0, 10)}`];
  }

  async createNetwork(): Promise<void> {}
  async deleteNetwork(): Promise<void> {}

  async createEndpoint(request: CreateEndpointRequest): Promise<EndpointAddresses> {
    this.endpoints.set(request.endpointId, request);
    await this.test.inNetns(['sh', '-c', LINKS, 'sh', ...this.names(request.endpointId)]);
    const octets = (request.ipv4Address ?? '').split('/')[0]?.split('.') ?? [];
    const hex = octets.map((octet) => Number(octet).toString(16).padStart(2, '0'));
    return request.macAddress ? {} : { macAddress: `02:42:${hex.join(':')}` };
  }

  async deleteEndpoint({ endpointId }: { endpointId: string }): Promise<void> {
    if (this.endpoints.delete(endpointId)) await this.test.inNetns(['ip', 'link', 'del', this.names(endpointId)[0]]);
  }

  async endpointInfo(): Promise<Record<string, string>> {
    return {};
  }

  async join(request: JoinRequest): Promise<JoinReply> {
    if (this.onJoin) return this.onJoin(request);
    return { srcName: this.names(request.endpointId)[1], dstPrefix: 'eth' };
  }

  async leave(): Promise<void> {}

  async defaultAddressSpaces(): Promise<{ local: string; global: string }> {
    return { local: 'toy-local', global: 'toy-global' };
  }

  async requestPool({ pool = '10.78.0.0/16' }): Promise<{ poolId: string; pool: string }> {
    return { poolId: `toy/${pool}`, pool };
  }

  async releasePool(): Promise<void> {}

  async requestAddress({ address }: { address?: string }): Promise<{ address: string }> {
    const chosen = this.next++;
    return { address: `${address ?? `10.77.${(chosen >> 8) + 1}.${chosen & 255}`}/16` };
  }

  async releaseAddress(): Promise<void> {}
}

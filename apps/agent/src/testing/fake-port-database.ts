import { HeddleError } from '@heddle/model';
import type { BridgeSpec, BridgeState, PortSpec, PortState, Watch } from '@heddle/ovs';
import type { PortDatabase } from '../port-database';

type Callback = (ports: readonly PortState[]) => void;

/** Bridges and ports in memory; ports get numbers as they come, and watchers hear of every change. */
export class FakePortDatabase implements PortDatabase {
  readonly bridges = new Map<string, BridgeSpec>();
  /** Makes the next calls of a method fail, one for each error. */
  readonly failures = new Map<'ensurePort' | 'deletePort', HeddleError[]>();
  private readonly ports = new Map<string, PortState>();
  private readonly watches = new Map<Callback, string>();
  private nextNumber = 1;

  async ensureBridge(spec: BridgeSpec): Promise<BridgeState> {
    this.bridges.set(spec.name, spec);
    return { name: spec.name, datapathType: spec.datapathType, protocols: [], externalIds: {}, otherConfig: {} };
  }

  async ensurePort(spec: PortSpec): Promise<PortState> {
    const failure = this.failures.get('ensurePort')?.shift();
    if (failure) throw failure;
    const before = this.ports.get(spec.name);
    const { bridge, name, type, options = {}, externalIds = {} } = spec;
    const port: PortState = {
      bridge,
      name,
      type,
      options,
      externalIds: { ...before?.externalIds, ...externalIds },
      ofport: before?.ofport ?? this.nextNumber++,
      mac: '02:00:00:00:00:aa',
    };
    this.put(port);
    return port;
  }

  async deletePort(name: string): Promise<void> {
    const failure = this.failures.get('deletePort')?.shift();
    if (failure) throw failure;
    if (this.ports.delete(name)) this.tell();
  }

  async listPorts(bridge: string): Promise<PortState[]> {
    return this.of(bridge);
  }

  watchPorts(bridge: string, callback: Callback): Watch {
    this.watches.set(callback, bridge);
    callback(this.of(bridge));
    return { close: () => void this.watches.delete(callback) };
  }

  /** A port as somebody else made it. */
  put(port: PortState): void {
    this.ports.set(port.name, port);
    this.tell();
  }

  port(name: string): PortState | undefined {
    return this.ports.get(name);
  }

  get watching(): number {
    return this.watches.size;
  }

  private tell(): void {
    for (const [callback, bridge] of this.watches) callback(this.of(bridge));
  }

  private of(bridge: string): PortState[] {
    return [...this.ports.values()].filter((port) => port.bridge === bridge);
  }
}

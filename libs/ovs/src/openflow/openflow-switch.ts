import type { FlowChange, FlowStats } from '@heddle/pipeline';
import { isEmptyChange } from '@heddle/pipeline';
import { OpenFlowClient, type OpenFlowClientOptions } from './client';
import type { FlowFilter } from './codec/multipart';
import type { PacketIn, PacketOut } from './codec/packets';
import type { Switch } from './switch';

/** A bridge of a real Open vSwitch. */
export class OpenFlowSwitch implements Switch {
  readonly client: OpenFlowClient;

  /** Starts connecting at once, and goes on until closed. */
  constructor(options: OpenFlowClientOptions) {
    this.client = new OpenFlowClient(options);
    this.client.start();
  }

  get connected(): boolean {
    return this.client.connected;
  }

  get meters(): ReadonlySet<number> {
    return this.client.meters;
  }

  onConnected(listener: () => void): () => void {
    this.client.on('connected', listener);
    if (this.client.connected) listener();
    return () => void this.client.off('connected', listener);
  }

  onDisconnected(listener: (reason: Error) => void): () => void {
    this.client.on('disconnected', listener);
    return () => void this.client.off('disconnected', listener);
  }

  async apply(change: FlowChange, deadlineMs?: number): Promise<void> {
    if (!isEmptyChange(change)) await this.client.applyBundle(change, deadlineMs);
  }

  dump(filter?: FlowFilter, deadlineMs?: number): Promise<FlowStats[]> {
    return this.client.dumpFlows(filter, deadlineMs);
  }

  onPacketIn(listener: (packet: PacketIn) => void): () => void {
    this.client.on('packetIn', listener);
    return () => void this.client.off('packetIn', listener);
  }

  packetOut(packet: PacketOut): Promise<void> {
    return this.client.packetOut(packet);
  }

  close(): Promise<void> {
    return this.client.close();
  }
}

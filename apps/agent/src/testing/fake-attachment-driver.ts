import { linkName } from '@heddle/host';
import { HeddleError, type DomainSpec } from '@heddle/model';
import type { AttachedInterface, AttachmentDriver, AttachOptions } from '../attach/attachment-driver';
import { endpointOfPort, portIds } from '../datapath/port-ids';
import type { AttachedEndpoint, AttachedMacvlan } from '../link/protocol';

/** One endpoint's attachment in memory. */
export interface FakeAttachment {
  readonly facts: Readonly<Record<string, string>>;
  readonly macvlan?: AttachedMacvlan;
  readonly interface: AttachedInterface;
  readonly mac: string;
  readonly mtu: number;
  /** Set to false when its device goes, as with its container. */
  hasDevice: boolean;
}

/** What is attached, by port, and what survives the drivers that attached it. */
export class FakeAttachmentHost {
  readonly attachments = new Map<string, FakeAttachment>();
  /** Whether the host is seen whole. */
  visible = true;
  private lastNumber = 0;

  nextNumber(): number {
    return ++this.lastNumber;
  }
}

/**
 * Attachments in memory. As driver `ovs` it gives port numbers; as any other it gives none, as where the leaf enforces, and keeps
 * of which uplink an endpoint is a child.
 */
export class FakeAttachmentDriver implements AttachmentDriver {
  /** Endpoints that were asked to be detached, whether they were attached or not. */
  readonly detached: string[] = [];
  /** What could not be undone. */
  readonly problems: string[] = [];
  private readonly failures = new Map<'attach' | 'detach', HeddleError[]>();

  constructor(
    readonly driver: DomainSpec['driver'] = 'ovs',
    readonly host = new FakeAttachmentHost(),
  ) {}

  /** Makes the next calls of a method fail, one for each error. */
  fail(method: 'attach' | 'detach', ...errors: readonly HeddleError[]): void {
    this.failures.set(method, [...(this.failures.get(method) ?? []), ...errors]);
  }

  portName(endpointId: string): string {
    return linkName('fp', endpointId);
  }

  async attach(endpoint: AttachedEndpoint, { mtu }: AttachOptions): Promise<AttachedInterface> {
    const name = linkName('fi', endpoint.endpointId);
    const place = this.driver === 'ovs' ? { ofport: this.host.nextNumber() } : pickMacvlan(endpoint);
    const made = { name, ...place };
    this.host.attachments.set(endpoint.port, {
      facts: portIds(endpoint),
      ...pickMacvlan(endpoint),
      interface: made,
      mac: endpoint.mac,
      mtu,
      hasDevice: true,
    });
    try {
      this.throwFailure('attach');
    } catch (error) {
      await this.undo(endpoint);
      throw error;
    }
    return made;
  }

  async detach({ endpointId, port }: AttachedEndpoint): Promise<void> {
    this.detached.push(endpointId);
    this.throwFailure('detach');
    this.host.attachments.delete(port);
  }

  async undo(endpoint: AttachedEndpoint): Promise<void> {
    try {
      await this.detach(endpoint);
    } catch (error) {
      this.problems.push(HeddleError.from(error).message);
    }
  }

  async isAlive({ port }: AttachedEndpoint): Promise<boolean> {
    return this.hasDevice(port);
  }

  async gone<E extends AttachedEndpoint>(endpoints: readonly E[]): Promise<E[]> {
    return this.host.visible ? endpoints.filter(({ port }) => !this.hasDevice(port)) : [];
  }

  async attached(): Promise<AttachedEndpoint[]> {
    return [...this.host.attachments].flatMap(([port, { facts, macvlan }]) => {
      const endpoint = endpointOfPort(port, facts);
      return endpoint ? { ...endpoint, ...pickMacvlan({ macvlan }) } : [];
    });
  }

  /** The endpoint's device goes, and the driver is not told. */
  loseDevice(port: string): void {
    const attachment = this.host.attachments.get(port);
    if (attachment) attachment.hasDevice = false;
  }

  private hasDevice(port: string): boolean {
    return this.host.attachments.get(port)?.hasDevice ?? false;
  }

  private throwFailure(method: 'attach' | 'detach'): void {
    const failure = this.failures.get(method)?.shift();
    if (failure) throw failure;
  }
}

const pickMacvlan = ({ macvlan }: Pick<AttachedEndpoint, 'macvlan'>): Pick<AttachedEndpoint, 'macvlan'> =>
  macvlan ? { macvlan } : {};

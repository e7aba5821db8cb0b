import { HeddleError } from '@heddle/model';
import type { AttachedEndpoint, LinkAttachment, LinkConfiguration } from '../link/protocol';
import type { AttachedInterface, AttachmentDriver } from './attachment-driver';
import type { Stopwatch } from './stopwatch';

/**
 * The attachment drivers of a host as one: a new endpoint gets the driver that its EPG names, and one that exists stays with
 * that of its facts.
 */
export class Attachments implements Pick<AttachmentDriver, 'detach' | 'undo' | 'isAlive' | 'gone' | 'attached'> {
  private readonly drivers: ReadonlyMap<string, AttachmentDriver>;

  constructor(
    drivers: readonly AttachmentDriver[],
    private readonly configuration: () => LinkConfiguration,
  ) {
    this.drivers = new Map(drivers.map((driver) => [driver.driver, driver]));
  }

  /**
   * How a new endpoint of an EPG attaches, as it goes into its facts. Changes nothing.
   * @throws HeddleError `unavailable` when this host has no driver for that
   */
  placeOf(epg: string, endpointId: string): Pick<AttachedEndpoint, 'port' | 'macvlan'> {
    const attachment = this.attachment(epg);
    const port = this.driver(attachment?.driver ?? 'ovs').portName(endpointId);
    if (attachment?.driver !== 'macvlan') return { port };
    const { uplink, mode, tagging, vlan } = attachment;
    return { port, macvlan: { uplink, mode, tagging, vlan } };
  }

  attach(endpoint: AttachedEndpoint, stopwatch: Stopwatch): Promise<AttachedInterface> {
    const mtu = this.attachment(endpoint.epg)?.mtu ?? this.configuration().mtu;
    return this.of(endpoint).attach(endpoint, { mtu, stopwatch });
  }

  detach(endpoint: AttachedEndpoint): Promise<void> {
    return this.of(endpoint).detach(endpoint);
  }

  undo(endpoint: AttachedEndpoint): Promise<void> {
    return this.of(endpoint).undo(endpoint);
  }

  isAlive(endpoint: AttachedEndpoint): Promise<boolean> {
    return this.of(endpoint).isAlive(endpoint);
  }

  async gone<E extends AttachedEndpoint>(endpoints: readonly E[]): Promise<E[]> {
    const each = [...this.drivers.values()].map((driver) => {
      const own = endpoints.filter((endpoint) => this.of(endpoint) === driver);
      return own.length === 0 ? [] : driver.gone(own);
    });
    const gone = new Set((await Promise.all(each)).flat());
    return endpoints.filter((endpoint) => gone.has(endpoint));
  }

  async attached(): Promise<AttachedEndpoint[]> {
    return (await Promise.all([...this.drivers.values()].map((driver) => driver.attached()))).flat();
  }

  private attachment(epg: string): LinkAttachment | undefined {
    return this.configuration().attachments?.[epg];
  }

  private of({ macvlan }: AttachedEndpoint): AttachmentDriver {
    return this.driver(macvlan ? 'macvlan' : 'ovs');
  }

  private driver(name: string): AttachmentDriver {
    const driver = this.drivers.get(name);
    if (driver) return driver;
    throw new HeddleError(
      'unavailable',
      `this host cannot attach endpoints by ${name}: it has ${[...this.drivers.keys()].join(', ')}; agent and attach daemon are of different versions`,
    );
  }
}

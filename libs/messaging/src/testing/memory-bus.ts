import { Bus, type BusOptions } from '../bus/bus';
import { MemoryHub } from './memory-transport';

/** A bus on an in-memory hub; buses on one hub reach each other. Errors, deadlines, streams behave as over NATS. */
export class MemoryBus extends Bus {
  readonly hub: MemoryHub;

  constructor(options: Partial<BusOptions> & { hub?: MemoryHub } = {}) {
    const hub = options.hub ?? new MemoryHub(options.clock);
    super(hub.connect(), { name: options.name ?? 'test', clock: hub.clock, ...options });
    this.hub = hub;
  }
}

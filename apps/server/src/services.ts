import { startFabric } from '@heddle/fabric';
import { startInventory } from '@heddle/inventory';
import { startPolicy } from '@heddle/policy';
import { startScheduler } from '@heddle/scheduler';
import type { StartService } from '@heddle/service';

/** A service by its name. */
export interface ServiceEntry {
  readonly name: string;
  readonly start: StartService;
}

/** The services that run beside the gateway. */
export const SERVICES: readonly ServiceEntry[] = [
  { name: 'policy', start: startPolicy },
  { name: 'inventory', start: startInventory },
  { name: 'scheduler', start: startScheduler },
  { name: 'fabric', start: startFabric },
];

import 'reflect-metadata';
import { runAlone } from '@heddle/service';
import { startInventory } from './inventory.module';

void runAlone('inventory', startInventory, { opsPort: 4292 });

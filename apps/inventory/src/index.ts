export { startInventory } from './inventory.module';

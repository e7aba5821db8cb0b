export { startScheduler } from './scheduler.module';

export { startFabric } from './fabric.module';

export { startPolicy } from './policy.module';

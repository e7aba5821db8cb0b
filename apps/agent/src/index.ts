export { hostConfigSchema, readHostConfig, type HostConfig } from './config';

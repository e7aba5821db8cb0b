export { ApicClient, type ApicClientOptions } from './client';
export { Feed } from './feed';
export type { Credentials } from './session';

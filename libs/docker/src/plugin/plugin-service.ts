import type { Body } from './body';

/** Work of one call, begun after its body was found to be right; gives the JSON reply. */
export type PluginWork = (signal: AbortSignal) => Promise<object>;

/** Reads a call's body, throwing `invalid` for a wrong one, and gives the work to be done. */
export type PluginMethod = (body: Body) => PluginWork;

/** One of the protocols that a plugin can implement. */
export interface PluginService {
  /** The name in the reply to `Plugin.Activate`, and before the dot in each URI. */
  readonly name: 'NetworkDriver' | 'IpamDriver' | 'VolumeDriver';
  /** Under which key a reply has its error: IPAM says `Error`, the others `Err`. */
  readonly errorKey: 'Err' | 'Error';
  readonly methods: Readonly<Record<string, PluginMethod>>;
}

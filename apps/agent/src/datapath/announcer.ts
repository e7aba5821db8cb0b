import type { Switch } from '@heddle/ovs';
import type { LocalEndpoint, RemoteEndpoint } from '@heddle/pipeline';
import { announcements, bindingsOf, type Bindings } from './announcements';

export interface AnnouncerParts {
  readonly bridge: Pick<Switch, 'packetOut' | 'connected'>;
  readonly onError: (error: unknown) => void;
}

/** Tells neighbours and fabrics of endpoints that came or moved. */
export class Announcer {
  private bindings: Bindings | undefined;
  private ports: ReadonlyMap<string, number> = new Map();

  constructor(private readonly parts: AnnouncerParts) {}

  /** To be told whenever it changes who there is; what is known first is taken for old. */
  update(
    local: readonly LocalEndpoint[],
    remote: readonly RemoteEndpoint[],
    bridgeDomainOf: (epg: string) => number | undefined,
  ): void {
    const { bridge, onError } = this.parts;
    const before = this.bindings;
    const appeared = new Set(local.filter((e) => this.ports.get(e.id) !== e.port).map((e) => e.id));
    this.bindings = bindingsOf([...local, ...remote], bridgeDomainOf);
    this.ports = new Map(local.map((e) => [e.id, e.port]));
    // Without the switch nobody heard the old news either.
    if (before === undefined || !bridge.connected) return;
    for (const { port, data } of announcements(before, this.bindings, local, appeared, bridgeDomainOf))
      bridge.packetOut({ inPort: 'controller', actions: [{ type: 'output', port }], data }).catch(onError);
  }
}

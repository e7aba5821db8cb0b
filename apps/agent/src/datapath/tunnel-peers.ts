import { isIpv4 } from '@heddle/model';
import type { Switch } from '@heddle/ovs';
import { ip4, type Action } from '@heddle/pipeline';

/** Longer silence lets the switch forget where a peer is (15 minutes); traffic of ours keeps it known. */
export const REFRESH_MS = 60_000;

/** A frame that no guard admits: it only makes the switch find out where the peer is. */
const FRAME = Buffer.alloc(60);
// A locally administered source and destination, and the EtherType for local experiments (IEEE Std 802).
FRAME.write('024800000002', 0, 'hex');
FRAME.write('024800000003', 6, 'hex');
FRAME.writeUInt16BE(0x88b5, 12);

export interface TunnelPeersParts {
  readonly bridge: Pick<Switch, 'packetOut' | 'onConnected' | 'connected'>;
  readonly onError: (error: unknown) => void;
}

/**
 * Keeps the other ends of the tunnel resolved. The user-space datapath drops the packet for which it has to ask for the MAC
 * address of a peer, and that would be the first packet of somebody's connection; so each peer is sent a frame of ours as soon
 * as it is known, whenever the switch comes back, and again from time to time.
 */
export class TunnelPeers {
  private known: ReadonlySet<string> = new Set();
  private port: number | undefined;
  private readonly unsubscribe: () => void;

  constructor(private readonly parts: TunnelPeersParts) {
    this.unsubscribe = parts.bridge.onConnected(() => this.refresh());
  }

  /**
   * @param underlays underlay addresses of the other hosts that have endpoints; there is no tunnel to one that is no IPv4
   * @param port the tunnel's port on the bridge, once it has one
   */
  update(underlays: ReadonlySet<string>, port: number | undefined): void {
    const before = port === this.port ? this.known : new Set<string>();
    this.known = new Set([...underlays].filter(isIpv4));
    this.port = port;
    for (const underlay of this.known) if (!before.has(underlay)) this.greet(underlay);
  }

  /** Greets everybody anew. */
  refresh(): void {
    for (const underlay of this.known) this.greet(underlay);
  }

  close(): void {
    this.unsubscribe();
  }

  private greet(underlay: string): void {
    // Without the switch there is nothing to be resolved; its return is met with a greeting.
    if (this.port === undefined || !this.parts.bridge.connected) return;
    const actions: Action[] = [
      { type: 'set_field', field: 'tun_id', value: 0n },
      { type: 'set_field', field: 'tun_dst', value: ip4(underlay) },
      { type: 'output', port: this.port },
    ];
    this.parts.bridge.packetOut({ inPort: 'controller', actions, data: FRAME }).catch(this.parts.onError);
  }
}

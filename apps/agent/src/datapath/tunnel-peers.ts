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
  readonly send: (packet: { inPort: 'controller'; actions: readonly Action[]; data: Uint8Array }) => Promise<void>;
  readonly onError: (error: unknown) => void;
}

/**
 * Keeps the other ends of the tunnel resolved. The user-space datapath drops the packet for which it has to ask for the MAC
 * address of a peer, and that would be the first packet of somebody's connection; so each peer is sent a frame of ours as soon
 * as it is known, and again from time to time.
 */
export class TunnelPeers {
  private known = new Set<string>();

  constructor(private readonly parts: TunnelPeersParts) {}

  /** @param underlays underlay addresses of the other hosts that have endpoints */
  update(underlays: ReadonlySet<string>, tunnelPort: number | undefined): void {
    if (tunnelPort === undefined) return;
    for (const underlay of underlays) {
      if (!this.known.has(underlay)) this.greet(underlay, tunnelPort);
    }
    this.known = new Set(underlays);
  }

  /** Greets everybody anew. */
  refresh(tunnelPort: number | undefined): void {
    if (tunnelPort === undefined) return;
    for (const underlay of this.known) this.greet(underlay, tunnelPort);
  }

  private greet(underlay: string, tunnelPort: number): void {
    const actions: Action[] = [
      { type: 'set_field', field: 'tun_id', value: 0n },
      { type: 'set_field', field: 'tun_dst', value: ip4(underlay) },
      { type: 'output', port: tunnelPort },
    ];
    this.parts.send({ inPort: 'controller', actions, data: FRAME }).catch(this.parts.onError);
  }
}

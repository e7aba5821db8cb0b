import type { FlowChange, FlowStats } from '@heddle/pipeline';
import type { FlowFilter } from './codec/multipart';
import type { PacketIn, PacketOut } from './codec/packets';

/**
 * The flow tables of one bridge, as whoever enforces policy sees them.
 *
 * A switch forgets its flows when it restarts: `onConnected` is where the owner reads what is there and applies what is
 * missing.
 */
export interface Switch {
  /** Whether a request would be sent at once. */
  readonly connected: boolean;

  /** Ids of the meters that it was made with and has; flows that name another one are refused. */
  readonly meters: ReadonlySet<number>;

  /**
   * Calls back at once if the switch is connected, and after every reconnect.
   *
   * @returns what ends the subscription.
   */
  onConnected(listener: () => void): () => void;

  /** Calls back when the connection is lost, with the reason. */
  onDisconnected(listener: (reason: Error) => void): () => void;

  /**
   * Makes a change as a whole: every packet meets the tables before it or after it.
   *
   * Added and modified flows take the place of whatever has the same table, priority and match, and keep its
   * counters. A flow is removed only while its entry carries the ownership mark (the upper 16 bits of the cookie) of
   * the flow given.
   *
   * @throws HeddleError `refused`, `limit` or `invalid` with the flows that the switch did not take, each as a
   *   problem with its place (`add[3]`) and text: nothing was changed. `unavailable` or `deadline`: read the tables
   *   again.
   */
  apply(change: FlowChange, deadlineMs?: number): Promise<void>;

  /** The flows on the switch with their counters, which lag behind the packets by up to half a second. */
  dump(filter?: FlowFilter, deadlineMs?: number): Promise<FlowStats[]>;

  /**
   * Calls back with every packet that a flow sends to the controller, if the switch was made to deliver them. What a flow
   * sends while the connection is away is lost.
   *
   * @returns what ends the subscription.
   */
  onPacketIn(listener: (packet: PacketIn) => void): () => void;

  /** Sends one packet through actions of its own. @throws HeddleError `unavailable`, `refused` */
  packetOut(packet: PacketOut): Promise<void>;

  /** Ends the connection. */
  close(): Promise<void>;
}

/** The bits of a cookie that say whose flow it is. */
export const OWNER_MASK = 0xffff_0000_0000_0000n;

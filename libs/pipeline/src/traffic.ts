import type { Traffic } from '@heddle/model';
import { COOKIE_MARK, COOKIE_MARK_MASK, objectCookie } from './cookie';
import type { FlowStats } from './openflow/flow';
import { ETH_IP } from './tables/shared';
import { tableNumber } from './tables';

const SENT = tableNumber('spoof-guard');
const RECEIVED = tableNumber('output');

/** Asks a switch for the flows that {@link trafficOf} sums, table by table. */
export const TRAFFIC_FILTERS = [SENT, RECEIVED].map((table) => ({
  table,
  cookie: COOKIE_MARK,
  cookieMask: COOKIE_MARK_MASK,
}));

interface Sum {
  sent: { packets: number; bytes: number };
  received: { packets: number; bytes: number };
}

/**
 * The IP packets of each endpoint, since its flows are on the switch: sent are those that the guard admitted, received those
 * that were delivered, after the contract. ARP, which ends here, is on neither side.
 *
 * @param ids endpoints of this bridge, as in the snapshot
 * @param flows with their counters, of the tables in {@link TRAFFIC_FILTERS} at least
 */
export function trafficOf(ids: Iterable<string>, flows: Iterable<FlowStats>): Record<string, Traffic> {
  const sums = new Map<bigint, Sum>();
  const result: Record<string, Traffic> = {};
  for (const id of ids) {
    const sum: Sum = { sent: { packets: 0, bytes: 0 }, received: { packets: 0, bytes: 0 } };
    sums.set(objectCookie(id), sum);
    result[id] = sum;
  }
  for (const flow of flows) {
    const sum = sums.get(flow.cookie);
    if (!sum) continue;
    if (flow.table === RECEIVED) count(sum.received, flow);
    else if (flow.table === SENT && flow.match.eth_type === ETH_IP) count(sum.sent, flow);
  }
  return result;
}

function count(sum: Sum['sent'], { packets, bytes }: FlowStats): void {
  sum.packets += Number(packets);
  sum.bytes += Number(bytes);
}

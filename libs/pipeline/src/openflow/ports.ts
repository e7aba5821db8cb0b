import type { Port } from './flow';

/** The reserved ports of OpenFlow 1.1 and later (32 bits). `in_port` matches hold these numbers too. */
export const RESERVED_PORTS = {
  in_port: 0xfffffff8,
  normal: 0xfffffffa,
  flood: 0xfffffffb,
  all: 0xfffffffc,
  controller: 0xfffffffd,
  local: 0xfffffffe,
} as const satisfies Record<Extract<Port, string>, number>;

const NAMES = new Map<number, Port>(
  (Object.keys(RESERVED_PORTS) as (keyof typeof RESERVED_PORTS)[]).map((name) => [RESERVED_PORTS[name], name]),
);

/** OpenFlow 1.0 and the OVS database number ports with 16 bits; their reserved ports start here. */
const RESERVED_16 = 0xff00;

/** A port as its 32-bit OpenFlow number; the 16-bit reserved numbers (65534 for the local port) are widened. */
export function portNumber(port: Port): number {
  if (typeof port === 'string') return RESERVED_PORTS[port];
  return port >= RESERVED_16 && port <= 0xffff ? port + 0xffff0000 : port;
}

/** The name of a reserved port, or the plain number. */
export function portOf(number: number): Port {
  const wide = portNumber(number);
  return NAMES.get(wide) ?? wide;
}

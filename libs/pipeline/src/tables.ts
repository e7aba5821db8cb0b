/**
 * The tables of the pipeline, in the order in which a packet meets them. Numbers come from this list alone; everything
 * else refers to a table by its name.
 */
export const TABLE_NAMES = [
  /** Which kind of port did the packet come from? Loads class, bridge domain and VRF of a local endpoint. */
  'classify',
  /** A local endpoint sends with its own addresses, untagged, or not at all. */
  'spoof-guard',
  /** A tunnel packet comes from the host that its inner source lives on, with that endpoint's class. */
  'tunnel-guard',
  /** ARP is answered here and goes nowhere else. */
  'arp-responder',
  /** Destination by MAC inside the bridge domain, by address between bridge domains of a VRF. */
  'forward',
  /** Connection tracking in the zone of the VRF. */
  'conntrack',
  /** Invalid packets end; for replies the classes are swapped, so that the contract sees the opener as source. */
  'connection-state',
  /** Every packet of both directions, at the zoning priority of its rule. */
  'contract',
  /** New connections are committed; swapped classes are swapped back. */
  'commit',
  /** To a local port or into the tunnel with the source class. */
  'output',
  /** Between an endpoint and its host: names and health checks, each endpoint under a link address of its own. */
  'host-link',
  'host-link-state',
  'host-link-output',
] as const;
export type TableName = (typeof TABLE_NAMES)[number];

export const tableNumber = (name: TableName): number => TABLE_NAMES.indexOf(name);

/** Number to name, for people who read flows. */
export const TABLES_BY_NUMBER: ReadonlyMap<number, string> = new Map(TABLE_NAMES.map((name, number) => [number, name]));

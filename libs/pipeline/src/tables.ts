/**
 * The tables of the pipeline, in the order in which a packet meets them. Numbers come from this list alone; everything
 * else refers to a table by its name.
 */
export const TABLE_NAMES = [
  /** Where did the packet come from? Loads class, bridge domain and VRF by port, and by VLAN or MAC where a port is shared. */
  'classify',
  /** A local endpoint sends with its own addresses, untagged by now, or not at all. */
  'spoof-guard',
  /** A tunnel packet comes from the host or leaf that speaks for its inner source, with that endpoint's class. */
  'tunnel-guard',
  /** A frame on an uplink is in the VLAN of an EPG that has endpoints here; the tag goes, the EPG is remembered. */
  'fabric-guard',
  /** And its source is an endpoint that is known to be on the fabric, which gives the class. */
  'fabric-source',
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
  /** Between an endpoint and its host: names and health checks, each endpoint under a link address of its own. */
  'host-link',
  'host-link-state',
  'host-link-output',
  /** To a local endpoint as its cable wants it, into the tunnel with the source's class, or to the fabric in its VLAN. */
  'output',
  /** Answers go back where the question came from, in the VLAN that it had. */
  'reply',
  /** Ends ARP that claims a known address at the wrong place, and shows some of it to the agent. */
  'sighting',
] as const;
export type TableName = (typeof TABLE_NAMES)[number];

export const tableNumber = (name: TableName): number => TABLE_NAMES.indexOf(name);

/** Number to name, for people who read flows. */
export const TABLES_BY_NUMBER: ReadonlyMap<number, string> = new Map(TABLE_NAMES.map((name, number) => [number, name]));

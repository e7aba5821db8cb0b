/** The bridge that Heddle programs, on hosts and on the leaf. */
export const HEDDLE_BRIDGE = 'br-heddle';
/** The bridge of a host whose LOCAL port has the host's underlay address. */
export const UPLINK_BRIDGE = 'br-uplink';
/** The bridge of the leaf that joins the underlay; its LOCAL port has the leaf's own address there. */
export const LEAF_BRIDGE = 'br-leaf';
/** The bridge of a server that speaks in a VLAN; its LOCAL port is the server's interface. */
export const SERVER_BRIDGE = 'br-server';

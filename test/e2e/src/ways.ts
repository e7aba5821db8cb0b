import type { Lab } from '@heddle/lab';

/** A way to attach the containers of an application: the same tests run over each. */
export interface Way {
  readonly name: string;
  /** Documents that come before the application in its file, if any. */
  readonly objects: string;
  /** The Domain that the application names. */
  readonly domain: string;
  /** Nodes whose switches have flows of the application's endpoints. */
  readonly enforcers: readonly string[];
}

/** The fabric of every lab: one leaf, to which each host has a cable for its switch and one for children. */
export const FABRIC = `
kind: Fabric
metadata: { name: default }
spec: { driver: ovs-leaf }
`;

/** Domains on the lab's fabric. The development kernel has no 802.1Q, so children are on access ports. */
export const DOMAINS = {
  vlan: '{ driver: ovs, encapsulation: vlan, fabric: default, uplink: fabric, vlans: 100-149 }',
  vepa: '{ driver: macvlan, fabric: default, uplink: macvlan, mode: vepa, tagging: access, vlans: 200-249 }',
  bridge: '{ driver: macvlan, fabric: default, uplink: macvlan, mode: bridge, tagging: access, vlans: 250-299 }',
  private: '{ driver: macvlan, fabric: default, uplink: macvlan, mode: private, tagging: access, vlans: 300-349 }',
} as const;

export const domainObject = (name: keyof typeof DOMAINS): string => `
---
kind: Domain
metadata: { name: ${name} }
spec: ${DOMAINS[name]}
`;

export const OVS: Way = { name: 'Open vSwitch', objects: '', domain: 'default', enforcers: ['h1', 'h2'] };
export const macvlan = (mode: 'vepa' | 'bridge'): Way => ({
  name: `macvlan, mode ${mode}`,
  objects: `${FABRIC}${domainObject(mode)}\n---\n`,
  domain: mode,
  enforcers: ['leaf'],
});

/** The ways over which what can go wrong is tried. */
export const WAYS: readonly Way[] = [OVS, macvlan('vepa')];

/** The node of a lab by its name. */
export const nodeOf = (lab: Lab, name: string) => (name === 'leaf' ? lab.leaf : lab.host(name));

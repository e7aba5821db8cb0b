import type { DistributedEndpoint } from '@heddle/model';
import type { LocalEndpoint } from '@heddle/pipeline';
import { remoteEndpoint, type Sides } from './host-snapshot';

/**
 * Who is behind a port of this leaf, and who is elsewhere. An endpoint whose port the leaf does not have is neither: nothing
 * leads to it until it is cabled. Pure.
 *
 * @param numbers number of each port of the leaf's bridge, by name
 */
export function leafSides(
  leaf: string,
  numbers: Readonly<Record<string, number>>,
  endpoints: Iterable<DistributedEndpoint>,
): Sides {
  const all = [...endpoints];
  const isHere = (e: DistributedEndpoint): boolean => e.fabric?.leaf === leaf;
  return {
    local: all.filter(isHere).flatMap(({ id, epg, mac, addresses, fabric }): LocalEndpoint[] => {
      const port = fabric && numbers[fabric.port];
      if (!fabric || port === undefined) return [];
      const { vlan, via, hairpin } = fabric;
      const wire = { ...(vlan === undefined ? {} : { vlan }), routed: via === 'ovs', hairpin };
      return [{ id, epg, mac, addresses, port, healthPorts: [], wire }];
    }),
    remote: all.filter((e) => !isHere(e)).map((e) => remoteEndpoint(e, NO_LEAVES)),
  };
}

/** A leaf is cabled to no other one: it reaches what is behind them by tunnels. */
const NO_LEAVES: ReadonlySet<string> = new Set();

/** Ports that endpoints are behind, by name, and that the leaf does not have. */
export const missingPorts = (
  leaf: string,
  numbers: Readonly<Record<string, number>>,
  endpoints: Iterable<DistributedEndpoint>,
): string[] => [
  ...new Set(
    [...endpoints].flatMap(({ fabric }) =>
      fabric?.leaf === leaf && numbers[fabric.port] === undefined ? [fabric.port] : [],
    ),
  ),
];

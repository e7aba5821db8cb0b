import { pathOf, type HeddleObject } from '@heddle/model';

/** Labels by which a container is recognised as ours, and as which allocation's. */
export const LABEL = {
  allocation: 'heddle.allocation',
  uid: 'heddle.uid',
  epg: 'heddle.epg',
  host: 'heddle.host',
} as const;

export const allocationPath = (allocation: HeddleObject<'Allocation'>): string =>
  pathOf('Allocation', allocation.metadata);

/** The container's name in the engine: the path with dots, which the engine allows. */
export const containerName = (path: string): string => path.replaceAll('/', '.');

/** Path of the EPG of an allocation. */
export const epgPath = ({ metadata, spec }: HeddleObject<'Allocation'>): string =>
  `${metadata.tenant}/${metadata.application}/${spec.epg}`;

/** Name of the engine's network for a bridge domain. */
export const networkName = (bridgeDomain: string): string => `heddle.${bridgeDomain.replaceAll('/', '.')}`;

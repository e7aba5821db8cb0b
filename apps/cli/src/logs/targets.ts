import type { HeddleObject } from '@heddle/model';
import { onlyMatch, pathOfObject } from '../objects/paths';

export type Allocation = HeddleObject<'Allocation'>;

/** Whose output is meant. */
export interface LogTarget {
  /** Path of a service or of one allocation. */
  readonly path: string;
  readonly isService: boolean;
}

/**
 * Finds what a word means among the allocations there are: a service, which stands for all its instances, or one
 * allocation.
 * @throws UsageError, HeddleError `not-found`
 */
export function logTarget(input: string, tenant: string | undefined, allocations: readonly Allocation[]): LogTarget {
  const services = [...new Set(allocations.map(serviceOf))];
  const path = onlyMatch('service with containers, or allocation,', input, tenant, [
    ...services,
    ...allocations.map(pathOfObject),
  ]);
  return { path, isService: services.includes(path) };
}

/** The allocations of a target that are to run; a single one also when it is on its way out. */
export function allocationsOf({ path, isService }: LogTarget, allocations: readonly Allocation[]): Allocation[] {
  return allocations.filter((allocation) =>
    isService ? serviceOf(allocation) === path && allocation.spec.desired === 'run' : pathOfObject(allocation) === path,
  );
}

const serviceOf = ({ metadata, spec }: Allocation): string =>
  `${metadata.tenant}/${metadata.application}/${spec.service}`;

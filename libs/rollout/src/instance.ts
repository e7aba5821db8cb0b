import { pathOf, type AllocationStatus, type HeddleObject } from '@heddle/model';
import { templateHash, versionedTemplate } from './template-hash';

/** What a service is to be. */
export interface ServiceGoal {
  /** Path, such as acme/shop/web; for messages. */
  readonly path: string;
  readonly uid: string;
  readonly replicas: number;
  readonly templateHash: string;
  readonly update: { readonly maxSurge: number; readonly maxUnavailable: number };
  /**
   * How many more instances the hosts would take now. Misplaced ones are stopped only as far as others can take their place;
   * absent: as many as are wanted.
   */
  readonly placeable?: number;
  /** The service is gone: nothing of it is to run. */
  readonly deleted?: boolean;
}

/** One allocation of the service: what was decided about it, and what its host reports. */
export interface Instance {
  readonly name: string;
  readonly index: number;
  readonly host: string;
  /** The service it was made for; a service that was deleted and created again has another. */
  readonly serviceUid: string;
  readonly templateHash: string;
  /** Why it may not be on its host any more, as a sentence; absent if it may. */
  readonly misplaced?: string;
  readonly desired: 'run' | 'stop';
  /** `pending` until the host reports. */
  readonly phase: AllocationStatus['phase'];
  readonly healthy: boolean;
  /** Any measure of age that grows with time: ms since the epoch, or a position in the log. */
  readonly createdAt: number;
}

/** Whether an instance does its work, as far as is known. */
export const isAvailable = (instance: Instance): boolean => instance.phase === 'running' && instance.healthy;

/**
 * The goal that a Service object states.
 * @param domain name of the Domain that its EPG attaches through; absent: `default`
 */
export function goalOf(service: HeddleObject<'Service'>, domain?: string): ServiceGoal {
  const { replicas, update } = service.spec;
  return {
    path: pathOf('Service', service.metadata),
    uid: service.metadata.uid ?? '',
    replicas,
    templateHash: templateHash(versionedTemplate(service, domain)),
    update,
    deleted: false,
  };
}

/** An allocation with what its host last reported; a report about an earlier allocation of the name is ignored. */
export function instanceOf(
  allocation: HeddleObject<'Allocation'>,
  status: AllocationStatus | undefined,
  createdAt: number,
): Instance {
  const { index, host, serviceUid, templateHash: hash, desired } = allocation.spec;
  const report = status && status.uid === allocation.metadata.uid ? status : undefined;
  return {
    name: allocation.metadata.name,
    index,
    host,
    serviceUid,
    templateHash: hash,
    desired,
    phase: report?.phase ?? 'pending',
    healthy: report?.healthy ?? false,
    createdAt,
  };
}

/** The fewest instances that must be available, whatever we do. */
export const minimumOf = ({ replicas, update }: ServiceGoal): number => Math.max(0, replicas - update.maxUnavailable);

/** The most instances that may be started. */
export const maximumOf = ({ replicas, update }: ServiceGoal): number => replicas + update.maxSurge;

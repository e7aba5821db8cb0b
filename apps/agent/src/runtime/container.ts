import type { ContainerSpec } from '@heddle/docker';
import type { HeddleObject } from '@heddle/model';
import { OPTION } from '../attach/options';
import { allocationPath, containerName, epgPath, LABEL, networkName } from './labels';

/** The container asks the name server of its host. */
const RESOLV_CONF = '/etc/resolv.conf';

export interface ContainerPlace {
  readonly host: string;
  readonly bridgeDomain: string;
  readonly address: string;
  /** File on the host that becomes the container's resolv.conf. */
  readonly resolvConf: string;
}

/** The container of an allocation. Pure. */
export function containerOf(allocation: HeddleObject<'Allocation'>, place: ContainerPlace): ContainerSpec {
  const { template } = allocation.spec;
  const path = allocationPath(allocation);
  const epg = epgPath(allocation);
  return {
    name: containerName(path),
    image: template.image,
    ...(template.command ? { command: template.command } : {}),
    ...(template.args ? { args: template.args } : {}),
    env: {
      ...template.env,
      HEDDLE_ALLOCATION: path,
      HEDDLE_SERVICE: `${allocation.metadata.tenant}/${allocation.metadata.application}/${allocation.spec.service}`,
      HEDDLE_HOST: place.host,
      HEDDLE_ADDRESS: place.address,
    },
    labels: {
      [LABEL.allocation]: path,
      [LABEL.uid]: allocation.metadata.uid ?? '',
      [LABEL.epg]: epg,
      [LABEL.host]: place.host,
    },
    hostname: allocation.metadata.name,
    network: {
      name: networkName(place.bridgeDomain),
      ipv4Address: place.address,
      driverOpts: { [OPTION.epg]: epg, [OPTION.allocation]: path },
    },
    resources: { cpu: template.resources.cpu, memoryBytes: template.resources.memory, pids: template.resources.pids },
    ...(template.user ? { user: template.user } : {}),
    // The engine's own name server would answer names of containers of this host before ours is asked.
    mounts: [{ source: place.resolvConf, target: RESOLV_CONF }],
  };
}

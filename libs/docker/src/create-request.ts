import { checkContainerSpec, type CheckOptions } from './check-container-spec';
import type { ContainerSpec } from './container-spec';
import { hostConfig, type HostConfig } from './host-config';

/** Body of the engine's `POST /containers/create`. */
export interface CreateRequest {
  readonly Image: string;
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Env: readonly string[];
  readonly Labels: Readonly<Record<string, string>>;
  readonly Hostname?: string;
  readonly User?: string;
  readonly WorkingDir?: string;
  readonly StopSignal?: string;
  readonly MacAddress?: string;
  readonly Healthcheck: { readonly Test: readonly ['NONE'] };
  readonly HostConfig: HostConfig;
  readonly NetworkingConfig: { readonly EndpointsConfig: Readonly<Record<string, EndpointConfig>> };
}

export interface EndpointConfig {
  readonly IPAMConfig?: { readonly IPv4Address: string };
  readonly MacAddress?: string;
  readonly DriverOpts?: Readonly<Record<string, string>>;
  readonly Aliases?: readonly string[];
}

/** The request that creates a container of this spec. Pure; throws `invalid` as {@link hostConfig} does. */
export function createRequest(input: ContainerSpec, options: CheckOptions = {}): CreateRequest {
  const spec = checkContainerSpec(input, options);
  const { network } = spec;
  return {
    Image: spec.image,
    ...(spec.command ? { Entrypoint: spec.command } : {}),
    ...(spec.args ? { Cmd: spec.args } : {}),
    Env: Object.entries(spec.env ?? {}).map(([name, value]) => `${name}=${value}`),
    Labels: spec.labels ?? {},
    ...(spec.hostname ? { Hostname: spec.hostname } : {}),
    ...(spec.user ? { User: spec.user } : {}),
    ...(spec.workingDir ? { WorkingDir: spec.workingDir } : {}),
    ...(spec.stopSignal ? { StopSignal: spec.stopSignal } : {}),
    // Engines before API 1.44 read the address here, later ones in the endpoint's configuration.
    ...(network.macAddress ? { MacAddress: network.macAddress } : {}),
    // The agent checks health; a check that an image brings along would run unseen beside it.
    Healthcheck: { Test: ['NONE'] },
    HostConfig: hostConfig(spec, options),
    NetworkingConfig: { EndpointsConfig: network.name === 'none' ? {} : { [network.name]: endpoint(spec) } },
  };
}

function endpoint({ network }: ContainerSpec): EndpointConfig {
  return {
    ...(network.ipv4Address ? { IPAMConfig: { IPv4Address: network.ipv4Address } } : {}),
    ...(network.macAddress ? { MacAddress: network.macAddress } : {}),
    ...(network.driverOpts ? { DriverOpts: network.driverOpts } : {}),
    ...(network.aliases ? { Aliases: network.aliases } : {}),
  };
}

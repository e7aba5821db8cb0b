import { HeddleError } from '@heddle/model';

/** A network to be made by drivers of ours. */
export interface NetworkSpec {
  readonly name: string;
  /** Name of the network plugin. */
  readonly driver: string;
  /** Name of the IPAM plugin. */
  readonly ipamDriver: string;
  readonly ipamOptions?: Readonly<Record<string, string>>;
  /** CIDR. */
  readonly subnet: string;
  readonly gateway?: string;
  /** Reach the driver's CreateNetwork. */
  readonly options?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  /** No way out of the network; a mark for the driver. Default false. */
  readonly internal?: boolean;
}

/** A network as the engine has it. */
export interface NetworkInfo {
  readonly id: string;
  readonly name: string;
  readonly driver: string;
  readonly ipamDriver: string;
  readonly ipamOptions: Readonly<Record<string, string>>;
  readonly subnet?: string;
  readonly gateway?: string;
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly internal: boolean;
}

/** Each setting in which a network differs from what is wanted, in words; empty if there is none. */
export function networkDifferences(wanted: NetworkSpec, found: NetworkInfo): string[] {
  const differences: string[] = [];
  const compare = (setting: string, want: string | undefined, have: string | undefined): void => {
    if (want !== have) differences.push(`${setting} is ${have ?? 'not set'}, wanted is ${want ?? 'none'}`);
  };
  const compareMaps = (
    setting: string,
    want: Readonly<Record<string, string>> = {},
    have: Readonly<Record<string, string>>,
  ): void => {
    for (const key of [...new Set([...Object.keys(want), ...Object.keys(have)])].sort()) {
      compare(`${setting} ${key}`, want[key], have[key]);
    }
  };
  compare('driver', wanted.driver, found.driver);
  compare('IPAM driver', wanted.ipamDriver, found.ipamDriver);
  compareMaps('IPAM option', wanted.ipamOptions, found.ipamOptions);
  compare('subnet', wanted.subnet, found.subnet);
  // The IPAM driver may choose a gateway when none is asked for.
  if (wanted.gateway !== undefined) compare('gateway', wanted.gateway, found.gateway);
  compareMaps('option', wanted.options, found.options);
  compareMaps('label', wanted.labels, found.labels);
  compare('internal', String(wanted.internal ?? false), String(found.internal));
  return differences;
}

/** The error for a network that is there with other settings. */
export function networkConflict(name: string, differences: readonly string[]): HeddleError {
  return new HeddleError(
    'conflict',
    `network ${name} exists with other settings: ${differences.join('; ')}; remove it, or correct what is wanted`,
    { problems: differences.map((message) => ({ path: name, message })) },
  );
}

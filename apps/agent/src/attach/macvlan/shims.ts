import type { IpCommand, IpWords, NftCommand } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import type { AgentAccess } from '../../link/link-server';
import type { LinkConfiguration } from '../../link/protocol';
import type { HostAddresses, Reservation } from '../addresses';
import { ensureGuard, keepGuard, removeGuard } from '../packet-guard';
import type { MacvlanEndpoint } from './facts';
import { shimName } from './link-names';
import type { MacvlanDriver } from './macvlan-driver';
import { SHIM_GUARD } from './shim-guard';
import { planShims, samePlace, type WantedShim } from './shim-plan';

/** Less than a container's start waits. */
const LEASE_DEADLINE_MS = 7_000;

/** Who holds a shim's address. */
export const shimOwner = (epg: string): string => `shim:${epg}`;

export interface ShimParts {
  readonly driver: Pick<MacvlanDriver, 'attach' | 'detach' | 'shims' | 'isAlive'>;
  readonly ip: IpCommand;
  readonly nft: NftCommand;
  readonly addresses: HostAddresses;
  readonly agent: AgentAccess;
  readonly now: () => Date;
  /** Somebody removed the rules that keep the rest of the host from what a shim lets in; they are back. */
  readonly onGuardMissing: () => void;
  readonly onError: (error: HeddleError) => void;
}

/**
 * The host's own interfaces in EPGs. The kernel lets no host reach its macvlan children by their parent; another child of the
 * same parent reaches them as they reach each other. There is one for each EPG that asks for it, with an address of its bridge
 * domain and a route to each container here, from the first such container to the last.
 */
export class Shims {
  private endGuard: (() => void) | undefined;

  constructor(private readonly parts: ShimParts) {}

  /**
   * Makes the interfaces be those that are wanted. May be repeated; not to be called twice at a time.
   * @returns why some are not as they should be
   */
  async ensure(attached: readonly MacvlanEndpoint[], configuration: LinkConfiguration): Promise<HeddleError[]> {
    const { shims: wanted, problems } = planShims(attached, configuration);
    const found = await this.parts.driver.shims();
    const errors = [...problems];
    const attempt = async (work: () => Promise<void>): Promise<boolean> => {
      try {
        await work();
        return true;
      } catch (error) {
        errors.push(HeddleError.from(error));
        return false;
      }
    };
    let left = 0;
    for (const shim of found) {
      if (wanted.some((each) => isOf(shim, each))) continue;
      if (!(await attempt(() => this.remove(shim)))) left += 1;
    }
    if (wanted.length + left === 0) {
      if (this.endGuard || found.length > 0) await attempt(() => this.unguard());
    } else if (await attempt(() => this.guard())) {
      for (const each of wanted) await attempt(() => this.make(each, found));
    }
    return errors;
  }

  /** What there is stays, with the rules that guard it. */
  close(): void {
    this.endGuard?.();
    this.endGuard = undefined;
  }

  private async make(wanted: WantedShim, found: readonly MacvlanEndpoint[]): Promise<void> {
    const { driver, ip } = this.parts;
    const present = found.find((each) => isOf(each, wanted));
    const shim = present && (await this.holds(present)) ? present : await this.describe(wanted);
    if (shim !== present || !(await driver.isAlive(shim))) await driver.attach(shim, { mtu: wanted.attachment.mtu });
    const missing = await this.missing(shim, wanted.containers);
    if (missing.length > 0) await ip.batch(missing);
  }

  /** Whether the address of a shim that is there is its own also by the journal, which may have been lost. */
  private async holds({ epg, bridgeDomain, address }: MacvlanEndpoint): Promise<boolean> {
    const reserved = await this.parts.addresses.reserve(bridgeDomain, shimOwner(epg), address);
    return reserved?.address === address;
  }

  /** The commands that make an interface be up, with its address and its routes. */
  private async missing({ port, address }: MacvlanEndpoint, containers: readonly string[]): Promise<IpWords[]> {
    const [link, routes] = await Promise.all([
      this.parts.ip.link(port),
      this.parts.ip.query<{ readonly dst: string }>(['route', 'show', 'dev', port]),
    ]);
    const isUp = link?.flags.includes('UP') ?? false;
    const hasAddress = link?.addr_info?.some(({ local }) => local === address) ?? false;
    // Routes go with the address and when the link goes down.
    const present = new Set(isUp && hasAddress ? routes.map(({ dst }) => dst) : []);
    return [
      ...(hasAddress ? [] : [['address', 'replace', `${address}/32`, 'dev', port]]),
      ...(isUp ? [] : [['link', 'set', 'dev', port, 'up']]),
      ...containers
        .filter((container) => !present.has(container))
        .map((container) => ['route', 'replace', `${container}/32`, 'dev', port, 'src', address]),
      ...[...present].filter((dst) => !containers.includes(dst)).map((dst) => ['route', 'del', dst, 'dev', port]),
    ];
  }

  private async describe({ epg, bridgeDomain, attachment }: WantedShim): Promise<MacvlanEndpoint> {
    const port = shimName(epg);
    const { address, mac } = await this.reserve(bridgeDomain, shimOwner(epg));
    const { uplink, tagging, vlan, mode } = attachment;
    return {
      endpointId: `shim-${port}`,
      bridgeDomain,
      epg,
      mac,
      address,
      port,
      // It needs no link to the host.
      linkIndex: 0,
      since: this.parts.now().toISOString(),
      macvlan: { uplink, tagging, vlan, mode: mode === 'bridge' ? 'bridge' : 'vepa', shim: true },
    };
  }

  private async reserve(bridgeDomain: string, owner: string): Promise<Reservation> {
    const { addresses, agent } = this.parts;
    const first = await addresses.reserve(bridgeDomain, owner);
    if (first) return first;
    await agent.ask('leaseBlock', { bridgeDomain }, LEASE_DEADLINE_MS);
    const second = await addresses.reserve(bridgeDomain, owner);
    if (second) return second;
    throw new HeddleError('limit', `no address is free on this host for ${owner} in ${bridgeDomain}`);
  }

  private async remove(shim: MacvlanEndpoint): Promise<void> {
    await this.parts.driver.detach(shim);
    await this.parts.addresses.release(shimOwner(shim.epg));
  }

  private async guard(): Promise<void> {
    if (this.endGuard) return;
    const { nft, onGuardMissing, onError } = this.parts;
    await ensureGuard(nft, SHIM_GUARD);
    this.endGuard = keepGuard(nft, SHIM_GUARD, { onMissing: onGuardMissing, onError });
  }

  private async unguard(): Promise<void> {
    this.close();
    await removeGuard(this.parts.nft, SHIM_GUARD);
  }
}

const isOf = (shim: MacvlanEndpoint, { epg, bridgeDomain, attachment }: WantedShim): boolean =>
  shim.epg === epg && shim.bridgeDomain === bridgeDomain && samePlace(shim.macvlan, attachment);

import type { IpCommand } from '@heddle/host';
import { HeddleError, type Uplink, type UplinkProblems } from '@heddle/model';

export interface UplinkDevicesParts {
  readonly ip: Pick<IpCommand, 'link'>;
  /** By name. */
  readonly uplinks: Readonly<Record<string, Uplink>>;
  readonly onChange: () => void;
  /** Why it cannot be looked; called again only after it could. */
  readonly onError: (error: HeddleError) => void;
}

/** Whether the interfaces of the uplinks are on this host, also of those that nothing is attached by yet. */
export class UplinkDevices {
  private found: UplinkProblems = {};
  private failed = false;
  private turn: Promise<void> = Promise.resolve();

  constructor(private readonly parts: UplinkDevicesParts) {}

  /** What is wrong with uplinks, by their names. While it cannot be looked, what was seen last. */
  get problems(): UplinkProblems {
    return this.found;
  }

  refresh(): void {
    this.turn = this.turn.then(() => this.look());
  }

  /** Resolves when all was looked at. */
  idle(): Promise<void> {
    return this.turn;
  }

  private async look(): Promise<void> {
    const { ip, uplinks, onChange, onError } = this.parts;
    const found: Record<string, string> = {};
    try {
      for (const [name, { interface: device }] of Object.entries(uplinks)) {
        if (!(await ip.link(device)))
          found[name] = `its interface ${device} is not on this host; put it there, or correct the uplinks of the host`;
      }
    } catch (error) {
      if (!this.failed) onError(HeddleError.from(error));
      this.failed = true;
      return;
    }
    this.failed = false;
    if (JSON.stringify(found) === JSON.stringify(this.found)) return;
    this.found = found;
    onChange();
  }
}

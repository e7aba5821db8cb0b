import { HeddleError } from '@heddle/model';
import type { MacvlanMode } from '../../link/protocol';
import { bridgeIsFree, childModes, type Child, type WantedMode } from './child-modes';
import type { MacvlanDevices } from './devices';
import type { MacvlanFact, MacvlanFacts } from './facts';

/** Gives the children of a parent other modes, while they are in use. */
export class ModeChanger {
  constructor(
    private readonly facts: MacvlanFacts,
    private readonly devices: MacvlanDevices,
  ) {}

  /**
   * Gives all children of one parent the modes that their EPGs are to have. What loses mode bridge does so before anything gets
   * it. Nothing else may happen to them meanwhile.
   * @returns why some could not be changed; all others were
   */
  async apply(facts: readonly MacvlanFact[], wanted: WantedMode): Promise<HeddleError[]> {
    const modes = childModes(facts.map(childOf), wanted);
    const current = new Map(facts.map((fact) => [fact.endpoint.port, fact]));
    const change = facts.flatMap(({ endpoint: { port, macvlan } }) => {
      const mode = modes.get(port);
      return mode === undefined || mode === macvlan.mode ? [] : [{ port, mode }];
    });
    const problems: HeddleError[] = [];
    const apply = async ({ port, mode }: { port: string; mode: MacvlanMode }): Promise<void> => {
      const fact = current.get(port);
      const others = [...current.values()].map(childOf);
      if (!fact || (mode === 'bridge' && !bridgeIsFree(fact.endpoint.epg, others))) return;
      try {
        current.set(port, await this.change(fact, mode));
      } catch (error) {
        problems.push(modeProblem(fact, mode, error));
      }
    };
    await Promise.all(change.filter(({ mode }) => mode !== 'bridge').map(apply));
    await Promise.all(change.filter(({ mode }) => mode === 'bridge').map(apply));
    return problems;
  }

  /** The facts never tell of less than the kernel has: others get mode bridge by them. */
  private async change(fact: MacvlanFact, mode: MacvlanMode): Promise<MacvlanFact> {
    const { endpoint, parent } = fact;
    const changed = { parent, endpoint: { ...endpoint, macvlan: { ...endpoint.macvlan, mode } } };
    if (mode === 'bridge') {
      await this.facts.put(changed);
      await this.devices.setMode(endpoint, mode);
    } else {
      await this.devices.setMode(endpoint, mode);
      await this.facts.put(changed);
    }
    return changed;
  }
}

export const childOf = ({ endpoint: { port, epg, macvlan } }: MacvlanFact): Child => ({
  port,
  epg,
  mode: macvlan.mode,
  ...(macvlan.shim ? { shim: true } : {}),
});

function modeProblem({ endpoint }: MacvlanFact, mode: MacvlanMode, error: unknown): HeddleError {
  const { code, message } = HeddleError.from(error);
  const name = `the interface of the endpoint ${endpoint.endpointId.slice(0, 12)} (${endpoint.epg})`;
  return new HeddleError(code, `${name} has mode ${endpoint.macvlan.mode} and could not get ${mode}: ${message}`);
}

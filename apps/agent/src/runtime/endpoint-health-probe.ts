import type { HealthProbe } from './ports';
import type { SandboxHealthProbe } from './sandbox-health-probe';

/** Checks an endpoint over the link to its host, or from inside its container where there is no such link. */
export const endpointHealthProbe = (link: HealthProbe, inside: SandboxHealthProbe): HealthProbe => ({
  check: (endpoint, port, health) => {
    const { macvlan, address } = endpoint;
    if (!macvlan) return link.check(endpoint, port, health);
    if (macvlan.sandbox === undefined)
      return Promise.resolve({ ok: false, detail: 'its network namespace is not known yet' });
    return inside.check(macvlan.sandbox, address, port, health);
  },
});

/** An application in the language that users write, as JSON, which is YAML too. */
export interface Tier {
  readonly replicas: number;
  readonly port: number;
  /** Whether the container serves HTTP on its port. Default true. */
  readonly serves?: boolean;
  /** Host that all instances must be on. */
  readonly host?: string;
}

export const TENANT = 'bench';

const RESOURCES = { cpu: 0.02, memory: '16Mi' };

/**
 * A file with the tenant and applications in it.
 * @param applications services by application; each application's services are connected in the order they are listed
 */
export function file(applications: Readonly<Record<string, Readonly<Record<string, Tier>>>>, connected = true): string {
  return JSON.stringify([
    { kind: 'Tenant', metadata: { name: TENANT } },
    ...Object.entries(applications).map(([name, tiers]) => app(name, tiers, connected)),
  ]);
}

function app(name: string, tiers: Readonly<Record<string, Tier>>, connected: boolean): object {
  const names = Object.keys(tiers);
  return {
    kind: 'App',
    metadata: { tenant: TENANT, name },
    spec: {
      services: Object.fromEntries(
        Object.entries(tiers).map(([tier, { replicas, port, host, serves = true }]) => [
          tier,
          {
            image: 'heddle/demo',
            replicas,
            ports: { main: port },
            env: serves ? { ROLE: 'web', PORT: String(port) } : { ROLE: 'none' },
            resources: RESOURCES,
            ...(host === undefined ? {} : { constraints: [{ attribute: 'host', operator: '=', value: host }] }),
          },
        ]),
      ),
      connect: connected ? names.slice(1).map((to, i) => ({ from: names[i], to, port: 'main' })) : [],
    },
  };
}

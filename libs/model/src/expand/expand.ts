import { GENERATED_SEPARATOR, generatedName } from '../names';
import { API_VERSION } from '../metadata';
import { refOf } from '../key';
import type { AnyObject, HeddleObject, Kind, Specs } from '../kinds';

/**
 * Expands the short forms, App and Tenant, into the full objects they stand for. Pure: the same input gives the same
 * objects in the same order. What is expanded carries its owner and is marked as generated.
 */
export function expand(object: AnyObject): HeddleObject[] {
  switch (object.kind) {
    case 'Tenant':
      return expandTenant(object);
    case 'App':
      return expandApp(object);
    default:
      return [];
  }
}

/** A tenant begins with one VRF and one bridge domain, both named `default`. */
function expandTenant(tenant: HeddleObject<'Tenant'>): HeddleObject[] {
  const at = { tenant: tenant.metadata.name };
  return [
    generated(tenant, 'Vrf', { ...at, name: 'default' }, { enforcement: 'enforced' }),
    generated(
      tenant,
      'BridgeDomain',
      { ...at, name: 'default' },
      { vrf: 'default', subnets: [{ gateway: tenant.spec.network.gateway }] },
    ),
  ];
}

/** Each service becomes a Service and an EPG of its own, each `connect` line a contract with a filter. */
function expandApp(app: HeddleObject<'App'>): HeddleObject[] {
  const tenant = app.metadata.tenant as string;
  const application = app.metadata.name;
  const { services, connect, bridgeDomain, domain } = app.spec;
  const lines = uniqueLines(connect).map((line) => ({
    ...line,
    contract: generatedName(application, line.from, line.to, line.port),
  }));
  const objects: HeddleObject[] = [];

  for (const line of lines) {
    const port = services[line.to]?.ports[line.port];
    if (!port) continue;
    objects.push(
      generated(app, 'Filter', { tenant, name: line.contract }, {
        entries: [{ name: line.port, etherType: 'ip', protocol: port.protocol, destinationPorts: { from: port.port, to: port.port } }],
      }),
      generated(app, 'Contract', { tenant, name: line.contract }, {
        scope: 'application',
        subjects: [{ name: line.port, filters: [line.contract], action: 'permit' }],
      }),
    ); // prettier-ignore
  }
  for (const [name, { domain: own, ...service }] of Object.entries(services).sort(([a], [b]) => (a < b ? -1 : 1))) {
    const at = { tenant, application, name };
    objects.push(
      generated(app, 'Epg', at, {
        bridgeDomain,
        domain: own ?? domain,
        provides: lines.filter((l) => l.to === name).map((l) => l.contract),
        consumes: lines.filter((l) => l.from === name).map((l) => l.contract),
        isolation: 'unenforced',
        staticBindings: [],
      }),
      generated(app, 'Service', at, service),
    );
  }
  return objects;
}

function uniqueLines<T extends { from: string; to: string; port: string }>(lines: readonly T[]): T[] {
  return [...new Map(lines.map((l) => [[l.from, l.to, l.port].join(GENERATED_SEPARATOR), l])).values()];
}

function generated<K extends Kind>(
  owner: AnyObject,
  kind: K,
  at: { tenant: string; application?: string; name: string },
  spec: Specs[K],
): HeddleObject<K> {
  return {
    apiVersion: API_VERSION,
    kind,
    metadata: { ...at, labels: { ...owner.metadata.labels }, annotations: {}, owner: refOf(owner), generated: true },
    spec,
  };
}

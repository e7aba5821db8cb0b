import type { AnyObject, Problem } from '@heddle/model';
import { refOf } from '@heddle/model';
import { checkPolicy } from '@heddle/policy-engine';
import { checkEndpoints } from './check-endpoints';
import { checkFabrics } from './check-fabrics';
import { checkPlaces } from './check-places';
import { checkSupport } from './check-support';
import { list, nameOf } from './faults';
import type { State } from './state';

/**
 * References that cross the kinds of one service and lead nowhere: from a Service to its EPG, from an App to its bridge
 * domain, from both and from Endpoints to their tenant. References between policy objects are checked by `checkPolicy`;
 * whether a Domain exists is for the inventory to say, which knows what hosts can realise.
 */
export function checkReferences(state: State): Problem[] {
  return [...state.values()].flatMap((object) => {
    switch (object.kind) {
      case 'Service':
        return [...tenantProblems(state, object), ...epgProblems(state, object)];
      case 'App':
        return [...tenantProblems(state, object), ...bridgeDomainProblems(state, object)];
      case 'Endpoint':
        return tenantProblems(state, object);
      default:
        return [];
    }
  });
}

/** Everything that is wrong with a state; empty for one that can be put into force. */
export const checkState = (state: State): Problem[] => [
  ...checkReferences(state),
  ...checkSupport(state),
  ...checkFabrics(state),
  ...checkEndpoints(state),
  ...checkPlaces(state),
  ...checkPolicy(state.values()),
];

type OfKind<K extends AnyObject['kind']> = Extract<AnyObject, { kind: K }>;

const problem = (object: AnyObject, field: string, message: string): Problem => ({
  path: `${nameOf(refOf(object))} ${field}`,
  message,
});

function tenantProblems(state: State, object: AnyObject): Problem[] {
  const tenant = object.metadata.tenant as string;
  if (state.has(`Tenant/${tenant}`)) return [];
  const message = `found "${tenant}", which is no Tenant; allowed are ${namesOf(state, 'Tenant', () => true)}`;
  return [problem(object, 'metadata.tenant', message)];
}

function epgProblems(state: State, service: OfKind<'Service'>): Problem[] {
  const { tenant, application, name } = service.metadata;
  const epg = service.spec.epg ?? name;
  if (state.has(`Epg/${tenant}/${application}/${epg}`)) return [];
  const allowed = namesOf(
    state,
    'Epg',
    ({ metadata }) => metadata.tenant === tenant && metadata.application === application,
  );
  const message = `found "${epg}", which is no Epg of application ${tenant}/${application}; allowed are ${allowed}`;
  return [problem(service, 'spec.epg', message)];
}

function bridgeDomainProblems(state: State, app: OfKind<'App'>): Problem[] {
  const { tenant } = app.metadata;
  const { bridgeDomain } = app.spec;
  if (state.has(`BridgeDomain/${tenant}/${bridgeDomain}`)) return [];
  const allowed = namesOf(state, 'BridgeDomain', ({ metadata }) => metadata.tenant === tenant);
  const message = `found "${bridgeDomain}", which is no BridgeDomain of tenant ${tenant}; allowed are ${allowed}`;
  return [problem(app, 'spec.bridgeDomain', message)];
}

function namesOf(state: State, kind: AnyObject['kind'], wanted: (object: AnyObject) => boolean): string {
  const names = [...state.values()].filter((o) => o.kind === kind && wanted(o)).map((o) => o.metadata.name);
  return names.length > 0 ? list(names.sort()) : '(none exist)';
}

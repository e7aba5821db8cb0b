import type { State } from '@heddle/admission';
import { HeddleError, refKey, type AnyObject, type ChangeRequest, type HeddleObject } from '@heddle/model';

type Scheduled = HeddleObject<'Service'>['spec'];
type Change = Partial<Pick<Scheduled, 'replicas' | 'restartedAt'>>;

/** The change that gives a service another number of instances. @throws HeddleError `not-found` */
export const scaleRequest = (state: State, path: string, replicas: number): ChangeRequest =>
  workloadRequest(state, path, 'scale', { replicas });

/** The change that has every instance of a service replaced. @throws HeddleError `not-found` */
export const restartRequest = (state: State, path: string, at: string): ChangeRequest =>
  workloadRequest(state, path, 'restart', { restartedAt: at });

/**
 * A service that an App generates is changed in the App, so that the file a person wrote and the cluster go on saying the
 * same. The request holds only for the revision it was made from.
 */
function workloadRequest(state: State, path: string, verb: string, change: Change): ChangeRequest {
  const service = state.get(`Service/${path}`);
  if (service?.kind !== 'Service') throw new HeddleError('not-found', `there is no Service ${path}`);
  const written = service.metadata.generated ? changedApp(state, service, change) : withSpec(service, change);
  const key = refKey(written.ref);
  return {
    verb,
    puts: [written.object],
    deletes: [],
    expectedRevisions: { [key]: written.object.metadata.revision ?? 0 },
  };
}

interface Written {
  readonly ref: { readonly kind: 'App' | 'Service'; readonly path: string };
  readonly object: AnyObject;
}

function withSpec(service: HeddleObject<'Service'>, change: Change): Written {
  const { tenant, application, name } = service.metadata;
  return {
    ref: { kind: 'Service', path: `${tenant}/${application}/${name}` },
    object: { ...service, spec: { ...service.spec, ...change } },
  };
}

function changedApp(state: State, service: HeddleObject<'Service'>, change: Change): Written {
  const { owner, name } = service.metadata;
  const app = owner && state.get(`${owner.kind}/${owner.path}`);
  const part = app?.kind === 'App' ? app.spec.services[name] : undefined;
  if (!owner || app?.kind !== 'App' || !part) {
    throw new HeddleError('internal', `the service ${name} is generated, but its App does not have it`);
  }
  const services = { ...app.spec.services, [name]: { ...part, ...change } };
  return { ref: { kind: 'App', path: owner.path }, object: { ...app, spec: { ...app.spec, services } } };
}

import {
  GENERATED_SEPARATOR,
  kindInfo,
  parseKey,
  refKey,
  refOf,
  splitPath,
  type AnyObject,
  type ObjectRef,
  type Principal,
} from '@heddle/model';
import { fault, type Fault } from './faults';
import type { AdmissionRequest } from './request';
import type { State } from './state';

/**
 * What the caller may not touch. Judged before anything else and reported alone, so that a refusal tells a caller nothing
 * about tenants that are not theirs.
 */
export function tenantFaults(state: State, request: AdmissionRequest, by: Principal): Fault[] {
  const { tenant } = by;
  if (tenant === undefined) return [];
  const refs = [
    ...request.puts.map((object) => refOf(object)),
    ...request.deletes,
    ...Object.keys(request.expectedRevisions ?? {}).map(parseKey),
  ];
  const forbidden = [...new Map(refs.map((ref) => [refKey(ref), ref])).values()].filter(
    (ref) => tenantOf(ref) !== tenant,
  );
  if (forbidden.length > 0) {
    return forbidden.map((ref) =>
      fault('forbidden', ref, `${by.principal} is limited to tenant ${tenant}; allowed are objects within that tenant`),
    );
  }
  if (state.has(`Tenant/${tenant}`)) return [];
  return [
    fault('not-found', `Tenant/${tenant}`, 'does not exist (any more); an operator of the cluster can create it'),
  ];
}

const tenantOf = ({ kind, path }: ObjectRef): string | undefined => splitPath(kind, path).tenant;

/** What is wrong with a request by itself, whatever the state. */
export function requestFaults(request: AdmissionRequest): Fault[] {
  const puts = request.puts.map((object) => refOf(object));
  return [
    ...[...puts, ...request.deletes].filter(({ kind }) => kindInfo(kind).derived).map(derivedFault),
    ...twiceFaults(puts, request.deletes),
    ...request.puts.flatMap(separatorFaults),
  ];
}

const derivedFault = (ref: ObjectRef): Fault =>
  fault('refused', ref, `objects of kind ${ref.kind} are written by Heddle only; change what they are derived from`);

function twiceFaults(puts: readonly ObjectRef[], deletes: readonly ObjectRef[]): Fault[] {
  const seen = new Map<string, string>();
  return [
    ...puts.map((ref) => ({ ref, what: 'written' })),
    ...deletes.map((ref) => ({ ref, what: 'deleted' })),
  ].flatMap(({ ref, what }) => {
    const earlier = seen.get(refKey(ref));
    seen.set(refKey(ref), what);
    if (earlier === undefined) return [];
    const message =
      earlier === what
        ? `is ${what} twice in one request; say it once`
        : `is written and deleted in one request; say one`;
    return [fault('invalid', ref, message)];
  });
}

/** Names that Heddle makes are joined by `--`; kept free of it, the names that people choose can never meet them. */
function separatorFaults(object: AnyObject): Fault[] {
  const { name, application } = object.metadata;
  const names: [field: string, name: string][] = [
    ['metadata.name', name],
    ...(application === undefined ? [] : ([['metadata.application', application]] as [string, string][])),
    ...(object.kind === 'App' ? appNames(object) : []),
  ];
  return names
    .filter(([, text]) => text.includes(GENERATED_SEPARATOR))
    .map(([field, text]) =>
      fault(
        'invalid',
        refOf(object),
        `found "${text}"; "${GENERATED_SEPARATOR}" joins the parts of names that Heddle generates: use single hyphens`,
        field,
      ),
    );
}

const appNames = (app: Extract<AnyObject, { kind: 'App' }>): [field: string, name: string][] =>
  Object.entries(app.spec.services).flatMap(([service, { ports }]) => [
    [`spec.services.${service}`, service],
    ...Object.keys(ports).map((port): [string, string] => [`spec.services.${service}.ports.${port}`, port]),
  ]);

/** Revisions that are no longer what the caller read. */
export function revisionFaults(state: State, expected: Readonly<Record<string, number>> = {}): Fault[] {
  return Object.entries(expected).flatMap(([key, wanted]) => {
    const object = state.get(key);
    const found = object?.metadata.revision ?? 0;
    if (found === wanted) return [];
    const message = !object
      ? `does not exist (any more), expected revision ${wanted}`
      : wanted === 0
        ? `exists already, with revision ${found}; expected none`
        : `found revision ${found}, expected ${wanted}: it changed since it was read`;
    return [fault('conflict', key, `${message}; read it again and repeat the change`)];
  });
}

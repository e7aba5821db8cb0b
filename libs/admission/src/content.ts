import type { AnyObject, Metadata } from '@heddle/model';
import { sameJson } from '@heddle/policy-engine';

/** An object without what Heddle sets on every write, and without its observed status. */
function contentOf(object: AnyObject): unknown {
  const { uid: _uid, revision: _revision, generation: _generation, ...metadata } = object.metadata;
  return { kind: object.kind, metadata, spec: object.spec };
}

/** Whether two objects say the same; when they do, writing one over the other changes nothing. */
export const sameContent = (a: AnyObject | undefined, b: AnyObject | undefined): boolean =>
  a === undefined || b === undefined ? a === b : a === b || sameJson(contentOf(a), contentOf(b));

/** A written object without the fields that belong to Heddle, so that what was read can be written back. */
export function asWritten<T extends AnyObject>(object: T): T {
  const {
    uid: _uid,
    revision: _revision,
    generation: _generation,
    generated: _generated,
    ...metadata
  } = object.metadata;
  const { status: _status, ...rest } = object;
  return { ...rest, metadata } as T;
}

/** Gives an object that changes its identity and its place in history. */
export function stamped(
  after: AnyObject,
  before: AnyObject | undefined,
  { uid, revision }: { readonly uid: () => string; readonly revision: number },
): AnyObject {
  const specChanged = before === undefined || !sameJson(before.spec, after.spec);
  const metadata: Metadata = {
    ...after.metadata,
    uid: before?.metadata.uid ?? uid(),
    revision,
    generation: (before?.metadata.generation ?? 0) + (specChanged ? 1 : 0),
  };
  return { ...after, metadata };
}

import { API_VERSION, type Change } from '@heddle/model';

/** What a new cluster begins with: one Domain, so that EPGs attach without any further word. */
export function firstChange(position: number, at: string, uid: string): Change {
  const domain = {
    apiVersion: API_VERSION,
    kind: 'Domain',
    metadata: { name: 'default', labels: {}, annotations: {}, uid, revision: position, generation: 1 },
    spec: { driver: 'ovs', encapsulation: 'vxlan' },
  } as const;
  return {
    changeId: 'first-objects',
    by: { principal: 'system' },
    at,
    verb: 'put',
    summary: 'the objects that a new cluster begins with',
    objects: [{ key: 'Domain/default', before: null, after: domain }],
  };
}

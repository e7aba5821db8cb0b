import {
  HeddleError,
  parseObjects,
  splitPath,
  type AnyObject,
  type Change,
  type Kind,
  type ObjectRef,
  type Principal,
} from '@heddle/model';
import { admit } from '../admit';
import type { AdmissionContext, AdmissionRequest } from '../request';
import { applyChange, type State } from '../state';

export const OPERATOR: Principal = { principal: 'olga' };

/** Objects from YAML, as the gateway parses them. */
export const parse = (text: string): AnyObject[] => parseObjects(text).map(({ object }) => object);

/** `App acme/shop` as a reference. */
export function ref(name: string): ObjectRef {
  const [kind, path] = name.split(' ') as [Kind, string];
  splitPath(kind, path);
  return { kind, path };
}

/** A desired state that changes by requests, with uids `u1`, `u2` and so on. */
export class Cluster {
  state: State = new Map();
  position = 0;
  private uids = 0;

  context(by: Principal = OPERATOR): AdmissionContext {
    const position = this.position + 1;
    return { by, at: '2026-11-24T07:00:00Z', changeId: `c${position}`, position, newUid: () => `u${++this.uids}` };
  }

  request(request: Partial<AdmissionRequest>, by?: Principal): Change {
    const change = admit(this.state, { verb: 'apply', puts: [], deletes: [], ...request }, this.context(by));
    if (change.objects.length > 0) {
      this.state = applyChange(this.state, change);
      this.position++;
    }
    return change;
  }

  apply(text: string, by?: Principal): Change {
    return this.request({ puts: parse(text) }, by);
  }

  delete(...names: string[]): Change {
    return this.request({ verb: 'delete', deletes: names.map(ref) });
  }

  get(name: string): AnyObject | undefined {
    return this.state.get(name.replace(' ', '/'));
  }

  /** `Kind path` of everything there is, sorted. */
  names(): string[] {
    return [...this.state.keys()].map((key) => key.replace('/', ' ')).sort();
  }
}

/** What a change does, as `+ App acme/shop`, `~ ...` and `- ...`. */
export const effects = (change: Change): string[] =>
  change.objects.map(({ key, before, after }) => `${!before ? '+' : after ? '~' : '-'} ${key.replace('/', ' ')}`);

/** The error of a refused request as `code` and one text for each problem. */
export function refusal(run: () => unknown): { code: string; problems: string[] } {
  try {
    run();
  } catch (error) {
    if (!(error instanceof HeddleError)) throw error;
    return { code: error.code, problems: error.problems.map(({ path, message }) => `${path}: ${message}`) };
  }
  throw new Error('the request was admitted');
}

export const ACME = `
kind: Tenant
metadata: { name: acme }
`;

export const SHOP = `
kind: App
metadata: { tenant: acme, name: shop }
spec:
  services:
    web: { image: heddle/demo, replicas: 3 }
    api: { image: heddle/demo, ports: { http: 8080 } }
  connect:
    - { from: web, to: api, port: http }
`;

export const BOTH = `${ACME}---${SHOP}`;

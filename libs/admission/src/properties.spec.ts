import { HeddleError, keyOf, refOf, type AnyObject, type Change } from '@heddle/model';
import { EMPTY_IDS, assignIds, compile } from '@heddle/policy-engine';
import fc from 'fast-check';
import { admit } from './admit';
import { checkState } from './check-references';
import { sameContent } from './content';
import { ownerKeyOf } from './ownership';
import type { AdmissionRequest } from './request';
import { rollbackRequest } from './rollback';
import { applyChange, undoChange, type State } from './state';
import { Cluster, parse } from './testing/cluster';

/** Requests from a small world, so that they meet: about half of them are refused. */
const TENANTS = ['acme', 'blue'];
const service = fc.constantFrom('web', 'api');
const text = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...TENANTS).map((name) => `kind: Tenant\nmetadata: { name: ${name} }`) },
  {
    weight: 4,
    arbitrary: fc
      .record({
        tenant: fc.constantFrom(...TENANTS),
        name: fc.constantFrom('shop', 'blog'),
        services: fc.uniqueArray(service),
        replicas: fc.integer({ min: 0, max: 2 }),
        connect: fc.array(fc.tuple(service, service), { maxLength: 2 }),
      })
      .map(({ tenant, name, services, replicas, connect }) => {
        const lines = connect.filter((ends) => ends.every((end) => services.includes(end)));
        return `kind: App\nmetadata: { tenant: ${tenant}, name: ${name} }\nspec:\n  services: { ${services
          .map((s) => `${s}: { image: demo, replicas: ${replicas}, ports: { http: 80 } }`)
          .join(
            ', ',
          )} }\n  connect: [${lines.map(([from, to]) => `{ from: ${from}, to: ${to}, port: http }`).join(', ')}]`;
      }),
  },
  fc.constant('kind: Filter\nmetadata: { tenant: acme, name: f }\nspec: { entries: [{ name: e }] }'),
  fc.constant('kind: Contract\nmetadata: { tenant: acme, name: c }\nspec: { subjects: [{ name: s, filters: [f] }] }'),
  fc
    .record({
      application: fc.constantFrom('shop', 'x'),
      name: fc.constantFrom('web', 'extra'),
      consumes: fc.constantFrom('', 'c'),
      owner: fc.constantFrom(
        '',
        ', owner: { kind: App, path: acme/shop }',
        ', owner: { kind: Epg, path: acme/shop/web }',
        ', owner: { kind: Epg, path: acme/x/extra }',
      ),
    })
    .map(
      ({ application, name, consumes, owner }) =>
        `kind: Epg\nmetadata: { tenant: acme, application: ${application}, name: ${name}${owner} }\nspec: { consumes: [${consumes}] }`,
    ),
  fc
    .constantFrom('web', 'extra')
    .map(
      (epg) =>
        `kind: Service\nmetadata: { tenant: acme, application: shop, name: job }\nspec: { image: demo, epg: ${epg} }`,
    ),
  fc.constant('kind: Fabric\nmetadata: { name: main }\nspec: { driver: ovs-leaf }'),
  fc
    .tuple(fc.constantFrom('lan', 'wire'), fc.constantFrom('100-199', '150-250'))
    .map(
      ([name, vlans]) =>
        `kind: Domain\nmetadata: { name: ${name} }\nspec: { driver: macvlan, fabric: main, uplink: f, vlans: "${vlans}" }`,
    ),
  fc
    .record({
      name: fc.constantFrom('vm1', 'vm2'),
      epg: fc.constantFrom('epg: web, ', 'epg: extra, ', ''),
      address: fc.constantFrom('10.32.0.7', '10.32.0.8', '10.50.0.7'),
    })
    .map(
      ({ name, epg, address }) =>
        `kind: Endpoint\nmetadata: { tenant: acme, application: shop, name: ${name} }\nspec: { endpointKind: vm, mac: "52:54:00:00:00:01", addresses: [${address}], ${epg}attachment: { driver: ovs, interfaceId: ${name} } }`,
    ),
  fc
    .constantFrom('10.32.0.1/24', '10.50.0.1/24')
    .map(
      (gateway) =>
        `kind: BridgeDomain\nmetadata: { tenant: acme, name: lan }\nspec: { subnets: [{ gateway: ${gateway} }] }`,
    ),
);

/** The same few texts come again and again; parsing them once makes the difference between seconds and a minute. */
const parsed = new Map<string, AnyObject[]>();
function parseOnce(yaml: string): AnyObject[] {
  const objects = parsed.get(yaml) ?? parse(yaml);
  parsed.set(yaml, objects);
  return objects;
}

const action = fc.record({
  puts: fc.array(text, { maxLength: 3 }).map((texts) => texts.flatMap(parseOnce)),
  /** Which of the objects that exist to delete, by chance. */
  deletes: fc.array(fc.nat(), { maxLength: 2 }),
});
const actions = fc.array(action, { minLength: 1, maxLength: 12 });
type Action = typeof action extends fc.Arbitrary<infer T> ? T : never;

function requestOf({ puts, deletes }: Action, state: State): AdmissionRequest {
  const all = [...state.values()];
  const chosen = puts.length > 0 && deletes.length > 1 ? deletes.slice(1) : deletes;
  const refs = new Map(chosen.flatMap((n) => all[n % all.length] ?? []).map((o) => [keyOf(o), refOf(o)]));
  return { verb: 'apply', puts: [...new Map(puts.map((o) => [keyOf(o), o])).values()], deletes: [...refs.values()] };
}

interface Step {
  readonly before: State;
  readonly request: AdmissionRequest;
  readonly change: Change;
  readonly after: State;
}

/** Runs random requests and looks at each one that was admitted; a refusal must be a HeddleError and change nothing. */
function play(list: readonly Action[], look: (step: Step, cluster: Cluster) => void): void {
  const cluster = new Cluster();
  for (const item of list) {
    const before = cluster.state;
    const request = requestOf(item, before);
    try {
      const change = cluster.request(request);
      look({ before, request, change, after: cluster.state }, cluster);
    } catch (error) {
      if (!(error instanceof HeddleError)) throw error;
      expect(error.problems.length).toBeGreaterThan(0);
      expect(cluster.state).toBe(before);
    }
  }
}

const sorted = (state: State): [string, AnyObject][] => [...state].sort(([a], [b]) => (a < b ? -1 : 1));

describe('whatever is admitted', () => {
  it('leaves a state without faults, which the policy engine compiles', () => {
    fc.assert(
      fc.property(actions, (list) =>
        play(list, ({ after }) => {
          expect(checkState(after)).toEqual([]);
          compile(after.values(), assignIds(EMPTY_IDS, after.values()));
          for (const object of after.values()) {
            const owner = ownerKeyOf(object);
            if (owner !== undefined) expect(after.has(owner)).toBe(true);
          }
        }),
      ),
    );
  });

  it('contains what was asked for, and nothing when it is asked for again', () => {
    fc.assert(
      fc.property(actions, (list) =>
        play(list, ({ request, after }, cluster) => {
          for (const put of request.puts) expect(sameContent(after.get(keyOf(put)), put)).toBe(true);
          for (const ref of request.deletes) {
            const left = after.get(`${ref.kind}/${ref.path}`);
            expect(left === undefined || left.metadata.generated === true).toBe(true);
          }
          expect(cluster.request({ puts: request.puts }).objects).toEqual([]);
        }),
      ),
    );
  });

  it('touches exactly the objects of the change, each with its revision, and can be undone', () => {
    fc.assert(
      fc.property(actions, (list) =>
        play(list, ({ before, change, after }, cluster) => {
          const touched = new Map(change.objects.map((o) => [o.key, o]));
          for (const key of new Set([...before.keys(), ...after.keys()])) {
            const part = touched.get(key);
            if (!part) {
              expect(after.get(key)).toBe(before.get(key));
              continue;
            }
            expect(part.before).toBe(before.get(key) ?? null);
            expect(part.after).toBe(after.get(key) ?? null);
            expect(sameContent(before.get(key), after.get(key))).toBe(false);
            if (part.after) expect(part.after.metadata.revision).toBe(cluster.position);
            if (part.before && part.after) expect(part.after.metadata.uid).toBe(part.before.metadata.uid);
          }
          expect(sorted(undoChange(after, change))).toEqual(sorted(before));
        }),
      ),
    );
  });

  it('never gives a uid twice', () => {
    fc.assert(
      fc.property(actions, (list) => {
        const keys = new Map<string, string>();
        play(list, ({ after }) => {
          for (const [key, { metadata }] of after) {
            expect(keys.get(metadata.uid as string) ?? key).toBe(key);
            keys.set(metadata.uid as string, key);
          }
        });
      }),
    );
  });
});

describe('deleting an owner', () => {
  const ownersOf = (state: State, key: string): string[] => {
    const object = state.get(key);
    const owner = object && ownerKeyOf(object);
    return owner === undefined ? [] : [owner, ...ownersOf(state, owner)];
  };

  it('removes exactly what it owns, directly or through others', () => {
    fc.assert(
      fc.property(actions, fc.nat(), (list, n) => {
        const cluster = new Cluster();
        for (const item of list) {
          try {
            cluster.request(requestOf({ ...item, deletes: [] }, cluster.state));
          } catch (error) {
            if (!(error instanceof HeddleError)) throw error;
          }
        }
        const { state } = cluster;
        const victim = [...state.values()].filter((o) => !o.metadata.generated)[n % Math.max(1, state.size)];
        if (!victim) return;
        const key = keyOf(victim);
        let change: Change;
        try {
          change = admit(state, { verb: 'delete', puts: [], deletes: [refOf(victim)] }, cluster.context());
        } catch (error) {
          expect(error).toMatchObject({ code: 'refused' });
          return;
        }
        const closure = [...state.keys()].filter((k) => k === key || ownersOf(state, k).includes(key));
        expect(change.objects.map((o) => o.key).sort()).toEqual(closure.sort());
        expect(change.objects.every((o) => o.after === null)).toBe(true);
      }),
    );
  });
});

describe('a rollback', () => {
  it('is admitted and brings every object back to what it said', () => {
    fc.assert(
      fc.property(actions, fc.nat(), (list, n) => {
        const states: State[] = [new Map()];
        const cluster = new Cluster();
        play(list, ({ after }) => states.push(after));
        const current = states.at(-1) as State;
        const target = states[n % states.length] as State;
        const change = admit(current, rollbackRequest(current, target), cluster.context());
        const result = applyChange(current, change);
        expect([...result.keys()].sort()).toEqual([...target.keys()].sort());
        for (const [key, object] of target) expect(sameContent(result.get(key), object)).toBe(true);
      }),
    );
  });
});

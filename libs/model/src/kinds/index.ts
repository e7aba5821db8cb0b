import * as z from 'zod';
import {
  API_VERSION,
  applicationMetadataSchema,
  clusterMetadataSchema,
  serviceMetadataSchema,
  tenantMetadataSchema,
  type Metadata,
} from '../metadata';
import {
  domainSpec, endpointSpec, fabricSpec, hostSpec,
  type DomainSpec, type EndpointSpec, type FabricSpec, type HostSpec,
} from './inventory'; // prettier-ignore
import {
  bridgeDomainSpec, contractSpec, epgSpec, filterSpec, tenantSpec, vrfSpec,
  type BridgeDomainSpec, type ContractSpec, type EpgSpec, type FilterSpec, type TenantSpec, type VrfSpec,
} from './policy'; // prettier-ignore
import { allocationSpec, appSpec, serviceSpec, type AllocationSpec, type AppSpec, type ServiceSpec } from './workload';

export * from './inventory';
export * from './policy';
export * from './workload';

/** How an object is addressed: `name`, `tenant/name` or `tenant/application/name`. */
export type Scope = 'cluster' | 'tenant' | 'application';

/** The service that keeps a kind and checks changes of it. */
export type OwningService = 'coordinator' | 'policy' | 'inventory' | 'scheduler';

export interface Specs {
  App: AppSpec;
  Tenant: TenantSpec;
  Vrf: VrfSpec;
  BridgeDomain: BridgeDomainSpec;
  Epg: EpgSpec;
  Contract: ContractSpec;
  Filter: FilterSpec;
  Fabric: FabricSpec;
  Domain: DomainSpec;
  Service: ServiceSpec;
  Allocation: AllocationSpec;
  Host: HostSpec;
  Endpoint: EndpointSpec;
}
export type Kind = keyof Specs;

export interface KindInfo {
  readonly kind: Kind;
  /** The collection in the API: /api/v1/PLURAL. */
  readonly plural: string;
  readonly scope: Scope;
  readonly service: OwningService;
  /** Written by people and programs, or only by Heddle (`derived`), which makes it read-only in the API. */
  readonly derived: boolean;
  readonly spec: z.ZodType;
}

const info = (kind: Kind, plural: string, scope: Scope, service: OwningService, spec: z.ZodType, derived = false): KindInfo => ({
  kind, plural, scope, service, spec, derived,
}); // prettier-ignore

/** Every kind, in the order in which a file of objects is applied and listed. */
export const KINDS: readonly KindInfo[] = [
  info('Tenant', 'tenants', 'cluster', 'policy', tenantSpec),
  info('Fabric', 'fabrics', 'cluster', 'inventory', fabricSpec),
  info('Domain', 'domains', 'cluster', 'inventory', domainSpec),
  info('Host', 'hosts', 'cluster', 'inventory', hostSpec),
  info('Vrf', 'vrfs', 'tenant', 'policy', vrfSpec),
  info('BridgeDomain', 'bridgedomains', 'tenant', 'policy', bridgeDomainSpec),
  info('Filter', 'filters', 'tenant', 'policy', filterSpec),
  info('Contract', 'contracts', 'tenant', 'policy', contractSpec),
  info('App', 'apps', 'tenant', 'coordinator', appSpec),
  info('Epg', 'epgs', 'application', 'policy', epgSpec),
  info('Service', 'services', 'application', 'scheduler', serviceSpec),
  info('Allocation', 'allocations', 'application', 'scheduler', allocationSpec, true),
  info('Endpoint', 'endpoints', 'application', 'inventory', endpointSpec),
];

const BY_KIND = new Map(KINDS.map((k) => [k.kind as string, k]));
const BY_PLURAL = new Map(KINDS.map((k) => [k.plural, k]));

export const kindInfo = (kind: Kind): KindInfo => BY_KIND.get(kind) as KindInfo;

/** Finds a kind by any spelling a person may use: `Service`, `service`, `services`. */
export function findKind(word: string): KindInfo | undefined {
  const lower = word.toLowerCase();
  return BY_KIND.get(word) ?? BY_PLURAL.get(lower) ?? KINDS.find((k) => k.kind.toLowerCase() === lower);
}

/** An object as it is kept and shown. `status` is observed, never part of a change. */
export interface HeddleObject<K extends Kind = Kind> {
  apiVersion: typeof API_VERSION;
  kind: K;
  metadata: Metadata;
  spec: Specs[K];
  status?: Record<string, unknown>;
}

/** A union that narrows `spec` by `kind`. */
export type AnyObject = { [K in Kind]: HeddleObject<K> }[Kind];

const METADATA = {
  cluster: clusterMetadataSchema,
  tenant: tenantMetadataSchema,
  application: applicationMetadataSchema,
};

/** The schema of a whole object of a kind, with defaults filled in on output. */
export function objectSchema(kind: KindInfo) {
  return z.strictObject({
    apiVersion: z.literal(API_VERSION).default(API_VERSION),
    kind: z.literal(kind.kind),
    metadata: kind.kind === 'Service' || kind.kind === 'Epg' ? serviceMetadataSchema : METADATA[kind.scope],
    spec: kind.kind === 'Tenant' || kind.kind === 'Vrf' ? kind.spec.prefault({}) : kind.spec,
    status: z.record(z.string(), z.unknown()).optional().describe('Observed; ignored on input.'),
  });
}

/** JSON Schema (draft 2020-12) of a kind as people write it, for editors. */
export function jsonSchemaOf(kind: KindInfo): Record<string, unknown> {
  return { ...z.toJSONSchema(objectSchema(kind), { io: 'input', unrepresentable: 'any' }), title: kind.kind };
}

/** One JSON Schema for a file that may hold any kind. */
export function jsonSchema(): Record<string, unknown> {
  const definitions = Object.fromEntries(
    KINDS.filter((k) => !k.derived).map((k) => {
      const { $schema: _draft, ...schema } = jsonSchemaOf(k);
      return [k.kind, schema];
    }),
  );
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Heddle objects',
    oneOf: Object.keys(definitions).map((kind) => ({ $ref: `#/$defs/${kind}` })),
    $defs: definitions,
  };
}

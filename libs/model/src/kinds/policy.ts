import * as z from 'zod';
import { gatewaySchema, macSchema, parseAddress, parseCidr } from '../address';
import { nameSchema } from '../names';

/** Objects owned by the policy service. Field semantics follow Cisco ACI's fvTenant, fvCtx, fvBD, fvAEPg, vzBrCP, vzFilter. */

export const tenantSpec = z.strictObject({
  description: z.string().max(1000).optional(),
  network: z
    .strictObject({
      gateway: gatewaySchema.default('10.32.0.1/16'),
    })
    .prefault({})
    .describe('The VRF and bridge domain, both named "default", that a tenant gets with its creation.'),
});
export type TenantSpec = z.infer<typeof tenantSpec>;

export const vrfSpec = z.strictObject({
  enforcement: z
    .enum(['enforced', 'unenforced'])
    .default('enforced')
    .describe('unenforced: every EPG of the VRF may talk to every other, whatever the contracts say.'),
});
export type VrfSpec = z.infer<typeof vrfSpec>;

export const subnetSchema = z.strictObject({ gateway: gatewaySchema });
export type Subnet = z.infer<typeof subnetSchema>;

export const bridgeDomainSpec = z.strictObject({
  vrf: nameSchema.default('default'),
  subnets: z.array(subnetSchema).min(1).max(16),
});
export type BridgeDomainSpec = z.infer<typeof bridgeDomainSpec>;

const addressOrBlock = z.string().refine((text) => parseAddress(text) ?? parseCidr(text), {
  error: (issue) => `found "${String(issue.input)}"; allowed is an address or a block of them, such as 10.32.1.0/24`,
});

/** One thing that an endpoint is known by. */
export const attributeSchema = z.union(
  [
    z.strictObject({ mac: macSchema }),
    z.strictObject({ address: addressOrBlock }),
    z.strictObject({ label: z.string().min(1).max(317).describe("`key` or `key=value`, of the endpoint's labels") }),
    z.strictObject({
      name: z.string().min(1).max(63).describe('Name of the endpoint; `*` stands for any run of characters'),
    }),
  ],
  { error: 'allowed is a mapping with exactly one of mac, address, label, name' },
);
export type Attribute = z.infer<typeof attributeSchema>;

export const staticBindingSchema = z.strictObject({
  leaf: z.string().min(1).max(63),
  port: z.string().min(1).max(63),
  vlan: z.number().int().min(1).max(4094).optional(),
});
export type StaticBinding = z.infer<typeof staticBindingSchema>;

export const epgSpec = z.strictObject({
  bridgeDomain: nameSchema.default('default'),
  domain: nameSchema.default('default').describe('The Domain that says how endpoints of this EPG attach.'),
  provides: z.array(nameSchema).max(1000).default([]).describe('Names of contracts of the same tenant.'),
  consumes: z.array(nameSchema).max(1000).default([]).describe('Names of contracts of the same tenant.'),
  isolation: z
    .enum(['unenforced', 'enforced'])
    .default('unenforced')
    .describe('enforced: endpoints of this EPG may not talk to each other.'),
  staticBindings: z
    .array(staticBindingSchema)
    .max(1000)
    .default([])
    .describe('Endpoint objects of the tenant at these places, which name no EPG, belong to this one.'),
  attributes: z
    .strictObject({
      match: z.enum(['any', 'all']).default('any'),
      criteria: z.array(attributeSchema).min(1).max(100),
    })
    .optional()
    .describe('Endpoint objects of the tenant that these hold for, and which nothing else binds, belong to this EPG.'),
});
export type EpgSpec = z.infer<typeof epgSpec>;

export const contractSpec = z.strictObject({
  scope: z
    .enum(['application', 'vrf'])
    .default('vrf')
    .describe('application: only between EPGs of one application; vrf: between any EPGs of one VRF.'),
  subjects: z
    .array(
      z.strictObject({
        name: nameSchema,
        filters: z.array(nameSchema).min(1).max(100),
        action: z.enum(['permit', 'deny']).default('permit'),
      }),
    )
    .min(1)
    .max(100),
});
export type ContractSpec = z.infer<typeof contractSpec>;

export interface PortRange {
  from: number;
  to: number;
}

const PORT_RULE = 'allowed are a port from 1 to 65535 or a range such as "8000-8099"';

/** `8080`, `"8080"` or `"8000-8099"`, read into a range. */
export const portRangeSchema = z
  .union([z.number(), z.string(), z.strictObject({ from: z.number(), to: z.number() })])
  .transform((input, ctx): PortRange => {
    const range = toRange(input);
    if (range) return range;
    ctx.addIssue({ code: 'custom', message: `found ${JSON.stringify(input)}; ${PORT_RULE}` });
    return z.NEVER;
  });

function toRange(input: number | string | PortRange): PortRange | undefined {
  const [from, to] =
    typeof input === 'object'
      ? [input.from, input.to]
      : typeof input === 'number'
        ? [input, input]
        : /^[0-9]{1,5}(-[0-9]{1,5})?$/.test(input)
          ? input.split('-').map(Number)
          : [];
  const end = to ?? from;
  return from !== undefined && end !== undefined && isPort(from) && isPort(end) && from <= end
    ? { from, to: end }
    : undefined;
}

const isPort = (n: number): boolean => Number.isInteger(n) && n >= 1 && n <= 65535;

export const PROTOCOLS = { icmp: 1, tcp: 6, udp: 17 } as const;
export type ProtocolName = keyof typeof PROTOCOLS;

/** One line of a filter. The ports are those of the first packet, from consumer to provider. */
export const filterEntrySchema = z
  .strictObject({
    name: nameSchema,
    etherType: z
      .enum(['ip', 'unspecified'])
      .default('ip')
      .describe('unspecified: any IP packet, like ip; ARP is always answered by the host.'),
    protocol: z
      .union([z.enum(['tcp', 'udp', 'icmp', 'unspecified']), z.number().int().min(0).max(255)])
      .default('unspecified'),
    sourcePorts: portRangeSchema.optional(),
    destinationPorts: portRangeSchema.optional(),
    icmpType: z.number().int().min(0).max(255).optional(),
  })
  .superRefine((entry, ctx) => {
    const hasPorts =
      entry.protocol === 'tcp' || entry.protocol === 'udp' || entry.protocol === 6 || entry.protocol === 17;
    for (const field of ['sourcePorts', 'destinationPorts'] as const) {
      if (entry[field] && !hasPorts) {
        ctx.addIssue({
          code: 'custom',
          path: [field],
          message: `found with protocol ${entry.protocol}; ports belong to tcp and udp only`,
        });
      }
    }
    if (entry.icmpType !== undefined && entry.protocol !== 'icmp' && entry.protocol !== 1) {
      ctx.addIssue({
        code: 'custom',
        path: ['icmpType'],
        message: `found with protocol ${entry.protocol}; it belongs to icmp only`,
      });
    }
  });
export type FilterEntry = z.infer<typeof filterEntrySchema>;

export const filterSpec = z.strictObject({ entries: z.array(filterEntrySchema).min(1).max(1000) });
export type FilterSpec = z.infer<typeof filterSpec>;

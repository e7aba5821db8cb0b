import * as z from 'zod';
import { addressSchema, macSchema } from '../address';
import { nameSchema } from '../names';

/** Objects owned by the inventory. */

const VLAN_RULE = 'allowed are VLAN ids from 1 to 4094 and ranges of them, the lower one first, such as "100-199,300"';

const vlanRanges = z
  .string()
  .max(10_000)
  .regex(/^[0-9]{1,4}(-[0-9]{1,4})?(,[0-9]{1,4}(-[0-9]{1,4})?)*$/, {
    error: (i) => `found ${JSON.stringify(i.input)}; ${VLAN_RULE}`,
    abort: true,
  })
  .superRefine((text, ctx) => {
    for (const range of text.split(',')) {
      const [low = 0, high = low] = range.split('-').map(Number);
      if (low < 1 || high > 4094 || low > high) {
        ctx.addIssue({ code: 'custom', message: `found "${range}"; ${VLAN_RULE}` });
      }
    }
  });

/** How endpoints attach. The agent of a host says which domains it can realise. */
export const domainSpec = z.discriminatedUnion('driver', [
  z.strictObject({
    driver: z.literal('ovs'),
    encapsulation: z.enum(['vxlan', 'vlan']).default('vxlan'),
    vlans: vlanRanges.optional().describe('The VLAN pool, with encapsulation vlan.'),
  }),
  z.strictObject({
    driver: z.literal('macvlan'),
    uplink: nameSchema.describe('Name of an uplink of the hosts.'),
    mode: z.enum(['bridge', 'private', 'vepa']).default('vepa'),
    tagging: z.enum(['access', 'trunk']).default('trunk'),
    vlans: vlanRanges.describe('The VLAN pool.'),
  }),
]);
export type DomainSpec = z.infer<typeof domainSpec>;

export const hostSpec = z.strictObject({
  zone: z.string().max(63).default('default'),
  /** Address in the underlay: the other end of tunnels. */
  underlay: addressSchema,
  capacity: z.strictObject({ cpu: z.number().min(0), memory: z.number().int().min(0) }),
  domains: z.array(nameSchema).max(100).default(['default']).describe('Domains that this host can realise.'),
  uplinks: z
    .record(
      nameSchema,
      z.strictObject({ interface: z.string().max(15), mtu: z.number().int().min(576).max(65535).optional() }),
    )
    .default({}),
  schedulable: z.boolean().default(true).describe('false: nothing new is placed here.'),
});
export type HostSpec = z.infer<typeof hostSpec>;

/** Where an endpoint is attached; the driver decides which fields there are. */
export const attachmentSchema = z.discriminatedUnion('driver', [
  z.strictObject({ driver: z.literal('ovs'), port: z.string().max(15) }),
  z.strictObject({
    driver: z.literal('macvlan'),
    uplink: z.string().max(15),
    vlan: z.number().int().min(1).max(4094).optional(),
  }),
  z.strictObject({
    driver: z.literal('static'),
    leaf: z.string().max(63),
    port: z.string().max(63),
    vlan: z.number().int().min(1).max(4094).optional(),
  }),
]);
export type Attachment = z.infer<typeof attachmentSchema>;

export const endpointSpec = z.strictObject({
  endpointKind: z.enum(['container', 'vm', 'baremetal']),
  mac: macSchema,
  addresses: z.array(addressSchema).min(1).max(16),
  /** Path of the EPG: tenant/application/name. */
  epg: z.string().max(200),
  host: nameSchema,
  attachment: attachmentSchema,
  allocation: z.string().max(63).optional(),
});
export type EndpointSpec = z.infer<typeof endpointSpec>;

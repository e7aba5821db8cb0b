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

/** What enforces where no switch of a host does: the leaves that hosts and bare metal are cabled to. */
export const fabricSpec = z.discriminatedUnion('driver', [
  z.strictObject({
    driver: z.literal('ovs-leaf').describe('Bridges of Open vSwitch that Heddle programs: hosts of role leaf.'),
  }),
  z.strictObject({
    driver: z.literal('apic').describe('A Cisco APIC, by REST.'),
    controllers: z
      .array(z.url({ protocol: /^https?$/ }))
      .min(1)
      .max(7)
      .describe('The controllers; one that answers is used.'),
    user: z.string().min(1).max(63),
    passwordFile: z
      .string()
      .min(1)
      .max(4096)
      .describe('File on the machine of the fabric service; never kept in the store.'),
    caFile: z
      .string()
      .max(4096)
      .optional()
      .describe('Certificates that the controllers are checked by; the system has its own.'),
    pod: z.number().int().min(1).max(254).default(1),
    annotation: z
      .string()
      .regex(/^[a-zA-Z0-9_.:-]{1,128}$/)
      .default('orchestrator:heddle')
      .describe('Marks what is ours: an object without it is never changed.'),
    maxDeletions: z
      .number()
      .int()
      .min(0)
      .max(100_000)
      .default(50)
      .describe('A change that would delete more objects waits for a person.'),
  }),
]);
export type FabricSpec = z.infer<typeof fabricSpec>;

const mtu = z.number().int().min(576).max(65535);

/** How endpoints attach. What a host can realise of them follows from its uplinks, see `hostOffers`. */
export const domainSpec = z.discriminatedUnion('driver', [
  z.strictObject({
    driver: z.literal('ovs'),
    encapsulation: z.enum(['vxlan', 'vlan']).default('vxlan'),
    fabric: nameSchema.optional().describe('The Fabric whose leaves forward, with encapsulation vlan.'),
    uplink: nameSchema.optional().describe('Name of an uplink of the hosts, with encapsulation vlan.'),
    vlans: vlanRanges.optional().describe('The VLAN pool, with encapsulation vlan.'),
    mtu: mtu
      .optional()
      .describe("Of the endpoints' interfaces, with encapsulation vlan; by default what also fits a tunnel."),
  }),
  z.strictObject({
    driver: z.literal('macvlan'),
    fabric: nameSchema.default('default').describe('The Fabric whose leaves enforce.'),
    uplink: nameSchema.describe('Name of an uplink of the hosts.'),
    mode: z.enum(['bridge', 'private', 'vepa']).default('vepa'),
    tagging: z.enum(['access', 'trunk']).default('trunk'),
    vlans: vlanRanges.describe('The VLAN pool.'),
    shim: z
      .boolean()
      .default(false)
      .describe('true: the host itself has an interface in each EPG, to reach its containers.'),
    mtu: mtu.optional().describe("Of the endpoints' interfaces; by default what also fits a tunnel."),
  }),
]);
export type DomainSpec = z.infer<typeof domainSpec>;

const leafName = z
  .string()
  .regex(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}$/, { error: 'allowed are letters, digits, and _ . - between' });
const leafPort = z
  .string()
  .regex(/^[a-zA-Z0-9][a-zA-Z0-9_./-]{0,62}$/, { error: 'allowed are letters, digits, and _ . / - between' });
const vlanId = z.number().int().min(1).max(4094);

export const uplinkSchema = z.strictObject({
  interface: z.string().min(1).max(15),
  mtu: mtu.optional().describe('Bytes of an untagged packet; what the interface says by default.'),
  leaf: leafName.optional().describe('The leaf that it is cabled to: a host of role leaf, or a node id of an APIC.'),
  port: leafPort.optional().describe('The port of that leaf: its name there, or such as eth1/5.'),
});
export type Uplink = z.infer<typeof uplinkSchema>;

export const hostSpec = z.strictObject({
  role: z
    .enum(['host', 'leaf'])
    .default('host')
    .describe("leaf: a switch under Heddle's control, which runs no containers."),
  zone: z.string().max(63).default('default'),
  /** Address in the underlay: the other end of tunnels. */
  underlay: addressSchema,
  tunnels: z.boolean().default(true).describe('Whether VXLAN tunnels end here.'),
  capacity: z.strictObject({ cpu: z.number().min(0), memory: z.number().int().min(0) }),
  domains: z
    .array(nameSchema)
    .max(100)
    .optional()
    .describe('Domains that may be used here; by default all that its tunnels and uplinks can realise.'),
  uplinks: z.record(nameSchema, uplinkSchema).default({}),
  schedulable: z.boolean().default(true).describe('false: nothing new is placed here.'),
});
export type HostSpec = z.infer<typeof hostSpec>;

/** Where an endpoint is attached; the driver decides which fields there are. */
export const attachmentSchema = z.discriminatedUnion('driver', [
  z.strictObject({
    driver: z.literal('ovs'),
    interfaceId: z
      .string()
      .regex(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,63}$/)
      .describe('`external_ids:iface-id` of its interface, on whichever host that is.'),
  }),
  z.strictObject({ driver: z.literal('static'), leaf: leafName, port: leafPort, vlan: vlanId.optional() }),
]);
export type Attachment = z.infer<typeof attachmentSchema>;

/**
 * A virtual machine or a server that somebody else runs. Containers are not written down: their hosts report them, and they
 * are shown as objects of the same kind, with where they are in the status.
 */
export const endpointSpec = z
  .strictObject({
    endpointKind: z.enum(['container', 'vm', 'baremetal']),
    mac: macSchema,
    addresses: z.array(addressSchema).min(1).max(16),
    epg: nameSchema
      .optional()
      .describe(
        'An EPG of the same application; without it a static binding or an attribute of an EPG of the tenant decides.',
      ),
    attachment: attachmentSchema.optional(),
  })
  .superRefine(({ endpointKind, attachment }, ctx) => {
    if (endpointKind === 'container') {
      const message = 'found "container", which hosts report by themselves; allowed are vm and baremetal';
      ctx.addIssue({ code: 'custom', path: ['endpointKind'], message });
      return;
    }
    if (!attachment) {
      const message =
        'found nothing; allowed is where it is: for a vm { driver: ovs, interfaceId }, for a server { driver: static, leaf, port }';
      ctx.addIssue({ code: 'custom', path: ['attachment'], message });
      return;
    }
    const driver = endpointKind === 'vm' ? 'ovs' : 'static';
    if (attachment.driver === driver) return;
    const message = `found "${attachment.driver}" for a ${endpointKind}; allowed is ${driver}`;
    ctx.addIssue({ code: 'custom', path: ['attachment', 'driver'], message });
  });
export type EndpointSpec = z.infer<typeof endpointSpec>;

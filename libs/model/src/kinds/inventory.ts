import * as z from 'zod';
import { addressSchema, macSchema } from '../address';
import { nameSchema } from '../names';

/** Objects owned by the inventory. */

/** Text of a form that a rule says in words. */
const formed = (pattern: RegExp, rule: string) =>
  z.string().regex(pattern, { error: (issue) => `found ${JSON.stringify(issue.input)}; ${rule}` });

/** What is said of a field that an object of one driver does not have: what there is, and what others have. */
const fieldsByDriver =
  (driver: string, shapes: Readonly<Record<string, Readonly<Record<string, unknown>>>>) =>
  (issue: { readonly code?: string }): string | undefined => {
    if (issue.code !== 'unrecognized_keys') return undefined;
    const of = (name: string): string[] => Object.keys(shapes[name] ?? {}).filter((field) => field !== 'driver');
    const own = of(driver);
    const others = Object.keys(shapes).flatMap((other) => {
      const more = of(other).filter((field) => other !== driver && !own.includes(field));
      return more.length === 0 ? [] : [`only driver ${other} has ${more.join(', ')}`];
    });
    return [`driver ${driver} has ${own.join(', ') || 'no other fields'}`, ...others].join('; ');
  };

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

/** A file on another machine than the writer's, where no folder is the present one. */
const absolutePath = formed(
  /^\/[^\0]*$/,
  'allowed is an absolute path on the machine of the fabric service, such as /etc/heddle/apic.password',
).max(4096);

const FABRIC = {
  'ovs-leaf': {
    driver: z.literal('ovs-leaf').describe('Bridges of Open vSwitch that Heddle programs: hosts of role leaf.'),
  },
  apic: {
    driver: z.literal('apic').describe('A Cisco APIC, by REST.'),
    controllers: z
      .array(
        z.url({
          protocol: /^https?$/,
          error: (issue) =>
            `found ${JSON.stringify(issue.input)}; allowed is a URL of https or http such as https://apic1.example.net`,
        }),
      )
      .min(1)
      .max(7)
      .describe('The controllers; one that answers is used.'),
    user: z.string().min(1).max(63),
    passwordFile: absolutePath.describe('File on the machine of the fabric service; never kept in the store.'),
    caFile: absolutePath
      .optional()
      .describe('Certificates that the controllers are checked by; the system has its own.'),
    pod: z.number().int().min(1).max(254).default(1),
    annotation: formed(
      /^[a-zA-Z0-9_.:-]{1,128}$/,
      'allowed are 1 to 128 letters, digits and _ . : - such as orchestrator:heddle',
    )
      .default('orchestrator:heddle')
      .describe('Marks what is ours: an object without it is never changed.'),
    maxDeletions: z
      .number()
      .int()
      .min(0)
      .max(100_000)
      .default(50)
      .describe('A change that would delete more objects waits for a person.'),
  },
};

/** What enforces where no switch of a host does: the leaves that hosts and bare metal are cabled to. */
export const fabricSpec = z.discriminatedUnion('driver', [
  z.strictObject(FABRIC['ovs-leaf'], { error: fieldsByDriver('ovs-leaf', FABRIC) }),
  z.strictObject(FABRIC.apic, { error: fieldsByDriver('apic', FABRIC) }),
]);
export type FabricSpec = z.infer<typeof fabricSpec>;

const mtu = z.number().int().min(576).max(65535);

const DOMAIN = {
  ovs: {
    driver: z.literal('ovs'),
    encapsulation: z.enum(['vxlan', 'vlan']).default('vxlan'),
    fabric: nameSchema.optional().describe('The Fabric whose leaves forward, with encapsulation vlan.'),
    uplink: nameSchema.optional().describe('Name of an uplink of the hosts, with encapsulation vlan.'),
    vlans: vlanRanges.optional().describe('The VLAN pool, with encapsulation vlan.'),
    mtu: mtu
      .optional()
      .describe("Of the endpoints' interfaces, with encapsulation vlan; by default what also fits a tunnel."),
  },
  macvlan: {
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
  },
};

/** How endpoints attach. What a host can realise of them follows from its uplinks, see `offerProblem`. */
export const domainSpec = z.discriminatedUnion('driver', [
  z.strictObject(DOMAIN.ovs, { error: fieldsByDriver('ovs', DOMAIN) }),
  z.strictObject(DOMAIN.macvlan, { error: fieldsByDriver('macvlan', DOMAIN) }),
]);
export type DomainSpec = z.infer<typeof domainSpec>;

const leafName = formed(
  /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}$/,
  'allowed are 1 to 63 letters, digits and _ . - after the first',
);
const leafPort = formed(
  /^[a-zA-Z0-9][a-zA-Z0-9_./-]{0,62}$/,
  'allowed are 1 to 63 letters, digits and _ . / - after the first',
);
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

const ATTACHMENT = {
  ovs: {
    driver: z.literal('ovs'),
    interfaceId: formed(
      /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,63}$/,
      'allowed are 1 to 64 letters, digits and _ . - after the first',
    ).describe('`external_ids:iface-id` of its interface, on whichever host that is.'),
  },
  static: { driver: z.literal('static'), leaf: leafName, port: leafPort, vlan: vlanId.optional() },
};

/** Where an endpoint is attached; the driver decides which fields there are. */
export const attachmentSchema = z.discriminatedUnion('driver', [
  z.strictObject(ATTACHMENT.ovs, { error: fieldsByDriver('ovs', ATTACHMENT) }),
  z.strictObject(ATTACHMENT.static, { error: fieldsByDriver('static', ATTACHMENT) }),
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

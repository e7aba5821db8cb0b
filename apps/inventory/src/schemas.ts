import {
  addressSchema,
  hostSpec,
  ipv4Schema,
  labelsSchema,
  macSchema,
  nameSchema,
  parseCidr,
  writtenEndpointId,
  type RpcRequest,
} from '@heddle/model';
import * as z from 'zod';

/** What hosts may send: bounded and checked, because a host is trusted for itself only. */

const position = z.number().int().min(0);
const text = z.string().max(2_000);
const path = z.string().max(200);
const cidr = z.string().refine((text) => parseCidr(text) !== undefined, {
  error: (issue) => `found "${String(issue.input)}"; allowed is a block of addresses such as 10.32.0.64/26`,
});
const classId = z
  .number()
  .int()
  .min(0)
  .max(2 ** 24 - 1);

const MAX_DROP_REASONS = 64;
const MAX_UPLINKS = 64;
const MAX_ENDPOINTS = 20_000;
const MAX_SIGHTINGS = 50;

/** How the ids of endpoints begin that people wrote down. */
const WRITTEN = writtenEndpointId('');

const interfaceName = z.string().min(1).max(15);
const port = z.string().min(1).max(63);
const vlan = z.number().int().min(1).max(4094);
const time = z.string().max(40);
const counts = z.strictObject({ packets: position, bytes: position });

export const registrationSchema = z.strictObject({
  host: nameSchema,
  agentEpoch: z.string().max(64),
  spec: hostSpec.extend({
    underlay: ipv4Schema,
    uplinks: hostSpec.shape.uplinks.refine((uplinks) => Object.keys(uplinks).length <= MAX_UPLINKS, {
      error: `allowed are at most ${MAX_UPLINKS} uplinks`,
    }),
  }),
  labels: labelsSchema,
  seen: z.strictObject({ clusterUid: z.string().max(64), incarnation: position, position }).optional(),
  highestClassId: classId,
  blocks: z.array(z.strictObject({ bridgeDomain: path, block: cidr })).max(10_000),
  engineVersion: z.string().max(100),
  agentVersion: z.string().max(100),
}) satisfies z.ZodType<RpcRequest<'inventory.register'>>;

export const heartbeatSchema = z.strictObject({
  host: nameSchema,
  agentEpoch: z.string().max(64),
  policyPosition: position,
  workloadPosition: position,
  highestClassId: classId,
  problems: z.array(text).max(100),
  uplinkProblems: z
    .record(nameSchema, text)
    .refine((problems) => Object.keys(problems).length <= MAX_UPLINKS, {
      error: `allowed are at most ${MAX_UPLINKS} uplinks`,
    })
    .optional(),
  usage: z.strictObject({ containers: position, endpoints: position, flows: position }),
  encapsulationPosition: position.optional(),
  traffic: z
    .record(z.string().max(300), z.strictObject({ sent: counts, received: counts }))
    .refine((traffic) => Object.keys(traffic).length <= MAX_ENDPOINTS, {
      error: `allowed are at most ${MAX_ENDPOINTS} endpoints`,
    })
    .optional(),
  sightings: z
    .array(z.strictObject({ mac: macSchema, address: addressSchema, port, vlan: vlan.optional(), at: time }))
    .max(MAX_SIGHTINGS)
    .optional(),
  // A later agent may know more reasons.
  drops: z
    .record(z.string().max(40), position)
    .refine((drops) => Object.keys(drops).length <= MAX_DROP_REASONS, {
      error: `allowed are at most ${MAX_DROP_REASONS} reasons`,
    })
    .optional(),
}) satisfies z.ZodType<RpcRequest<'inventory.heartbeat'>>;

const attachment = z.discriminatedUnion('driver', [
  z.strictObject({
    driver: z.literal('ovs'),
    port: interfaceName,
    interfaceId: z.string().min(1).max(64).optional(),
    vlan: vlan.optional(),
  }),
  z.strictObject({
    driver: z.literal('macvlan'),
    port: interfaceName,
    uplink: port,
    mode: z.enum(['bridge', 'private', 'vepa']),
    vlan: vlan.optional(),
  }),
]);

const endpoint = z
  .strictObject({
    id: z.string().max(300),
    kind: z.enum(['container', 'vm']).optional(),
    epg: path,
    mac: macSchema,
    addresses: z.array(addressSchema).max(16),
    host: nameSchema,
    service: nameSchema.optional(),
    healthy: z.boolean(),
    attachment,
    allocation: path.optional(),
    since: time,
  })
  .superRefine(({ id, kind, epg, addresses, attachment }, ctx) => {
    const say = (field: string, message: string): void => ctx.addIssue({ code: 'custom', path: [field], message });
    if (attachment.driver === 'ovs' && attachment.interfaceId !== undefined) {
      if (kind !== 'vm') say('kind', `found ${kind ?? 'nothing'} with an interface id; allowed is vm`);
      return;
    }
    // What an endpoint is that people wrote down, no host decides.
    if (kind === 'vm') say('kind', 'found vm without an interface id; allowed is container');
    if (id.startsWith(WRITTEN)) say('id', `found "${id}"; that is of an Endpoint object, which no host reports`);
    if (epg === '') say('epg', 'found nothing; allowed is the path of an EPG');
    if (addresses.length === 0) say('addresses', 'found none; allowed are 1 to 16');
  });

const allocationStatus = z.strictObject({
  allocation: path,
  uid: z.string().max(64),
  host: nameSchema,
  phase: z.enum(['pending', 'starting', 'running', 'backoff', 'stopping', 'stopped', 'failed']),
  healthy: z.boolean(),
  containerId: z.string().max(64).optional(),
  addresses: z.array(addressSchema).max(16),
  mac: macSchema.optional(),
  restarts: z.number().int().min(0),
  startedAt: time.optional(),
  exitCode: z.number().int().optional(),
  reason: text.optional(),
});

export const reportSchema = z
  .strictObject({
    host: nameSchema,
    agentEpoch: z.string().max(64),
    sequence: z.number().int().min(0),
    endpoints: z.array(endpoint).max(MAX_ENDPOINTS),
    allocations: z.array(allocationStatus).max(20_000),
  })
  .refine((report) => [...report.endpoints, ...report.allocations].every((e) => e.host === report.host), {
    error: 'a host reports about itself only',
  }) satisfies z.ZodType<RpcRequest<'inventory.report'>>;

export const eventsSchema = z
  .strictObject({
    host: nameSchema,
    events: z
      .array(
        z.strictObject({
          at: time,
          kind: z.enum(['Host', 'Allocation']),
          tenant: z.string().max(63),
          name: path,
          what: z.string().min(1).max(40),
          message: text,
          // Whatever it says, a fact is told in the name of who sends it.
          by: z.string().max(256).optional(),
        }),
      )
      .max(1_000),
  })
  .refine(
    ({ host, events }) => events.every(({ kind, tenant, name }) => kind !== 'Host' || (tenant === '' && name === host)),
    { error: 'a host tells of itself and of allocations only' },
  ) satisfies z.ZodType<RpcRequest<'inventory.events'>>;

export const leaseSchema = z.strictObject({
  host: nameSchema,
  bridgeDomain: path,
  have: z.array(z.string().max(50)).max(10_000),
}) satisfies z.ZodType<RpcRequest<'inventory.leaseBlock'>>;

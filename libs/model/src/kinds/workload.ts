import * as z from 'zod';
import { isLabelKey } from '../metadata';
import { nameSchema, serviceNameSchema } from '../names';

/** Objects owned by the scheduler. */

const MEMORY_UNITS: Record<string, number> = { '': 1, k: 1e3, M: 1e6, G: 1e9, Ki: 1024, Mi: 1024 ** 2, Gi: 1024 ** 3 };

/** Memory in bytes, written as a number or with a unit (`32Mi`, `1.5Gi`, `500M`). */
export const memorySchema = z
  .union([z.number(), z.string()])
  .transform((input, ctx): number => {
    const match = /^([0-9]+(?:\.[0-9]+)?)(k|M|G|Ki|Mi|Gi)?$/.exec(String(input));
    const bytes = match ? Math.round(Number(match[1]) * (MEMORY_UNITS[match[2] ?? ''] ?? NaN)) : NaN;
    if (Number.isFinite(bytes) && bytes >= 4 * 1024 ** 2 && bytes <= 2 ** 50) return bytes;
    ctx.addIssue({
      code: 'custom',
      message: `found ${JSON.stringify(input)}; allowed is an amount from 4Mi such as 32Mi, 512M or 1.5Gi`,
    });
    return z.NEVER;
  })
  .meta({ description: 'Bytes, or a number with one of the units k, M, G, Ki, Mi, Gi.' });

export const resourcesSchema = z.strictObject({
  cpu: z.number().min(0.001).max(1024).default(0.1).describe('Cores.'),
  memory: memorySchema.prefault('64Mi'),
  pids: z.number().int().min(8).max(100_000).default(256),
});
export type Resources = z.infer<typeof resourcesSchema>;

const portNumber = z.number().int().min(1).max(65535);
/** A port of a service: `8080` (tcp) or `{port: 53, protocol: udp}`. */
export const servicePortSchema = z
  .union([portNumber, z.strictObject({ port: portNumber, protocol: z.enum(['tcp', 'udp']).default('tcp') })])
  .transform((input) => (typeof input === 'number' ? { port: input, protocol: 'tcp' as const } : input));
export type ServicePort = z.infer<typeof servicePortSchema>;

const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,254}$/;
const text = (max: number) =>
  z
    .string()
    .max(max)
    .refine((s) => !s.includes('\0'), { error: 'found a NUL byte, which no process can receive' });

export const healthSchema = z.strictObject({
  type: z.enum(['tcp', 'http']),
  port: nameSchema.describe('Name of one of the ports of the service.'),
  path: z
    .string()
    .regex(/^\/[\x21-\x7e]*$/, {
      error: (i) => `found ${JSON.stringify(i.input)}; allowed is an absolute path such as /health`,
    })
    .default('/'),
  intervalSeconds: z.number().min(0.5).max(3600).default(5),
  timeoutSeconds: z.number().min(0.1).max(60).default(2),
  failures: z
    .number()
    .int()
    .min(1)
    .max(100)
    .default(3)
    .describe('Failures in a row after which an instance counts as unhealthy.'),
});
export type Health = z.infer<typeof healthSchema>;

const LABEL_PREFIX = 'label.';

/**
 * What a constraint may ask of a host; the key is that of a label. An attribute that no host has would differ from every
 * value, so a misspelt one would be met everywhere.
 */
const isHostAttribute = (text: string): boolean =>
  text === 'host' || text === 'zone' || (text.startsWith(LABEL_PREFIX) && isLabelKey(text.slice(LABEL_PREFIX.length)));

export const constraintSchema = z.strictObject({
  attribute: z
    .string()
    .max(330)
    .refine(isHostAttribute, {
      error: (i) =>
        `found ${JSON.stringify(i.input)}; allowed are host, zone and label.KEY, where KEY is that of a label`,
    })
    .describe('host, zone, or label.KEY'),
  operator: z.enum(['=', '!=']),
  value: z.string().max(253),
});
export type Constraint = z.infer<typeof constraintSchema>;

/** What runs in one container of a service: everything that an instance needs to know, and nothing about how many there are. */
const template = {
  image: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._\-/:@]{0,254}$/, {
    error: (i) =>
      `found ${JSON.stringify(i.input)}; allowed is an image reference such as heddle/demo or registry.example/app:1.4`,
  }),
  command: z.array(text(4096)).max(256).optional().describe("Replaces the image's entry point."),
  args: z.array(text(32_768)).max(1024).optional().describe("Replaces the image's command."),
  env: z
    .record(
      z.string().regex(ENV_NAME, {
        error: (i) => `found ${JSON.stringify(i.input)}; allowed is an environment variable name such as LOG_LEVEL`,
      }),
      text(32_768),
    )
    .default({}),
  ports: z.record(nameSchema, servicePortSchema).default({}),
  resources: resourcesSchema.prefault({}),
  health: healthSchema.optional(),
  user: z
    .string()
    .regex(/^[0-9]{1,10}(:[0-9]{1,10})?$/, {
      error: (i) => `found ${JSON.stringify(i.input)}; allowed are numeric ids such as 1000 or 1000:1000`,
    })
    .optional(),
  stopGraceSeconds: z.number().int().min(0).max(3600).default(10),
};

const scheduling = {
  replicas: z.number().int().min(0).max(10_000).default(1),
  constraints: z.array(constraintSchema).max(100).default([]),
  update: z
    .strictObject({
      maxSurge: z
        .number()
        .int()
        .min(0)
        .max(1000)
        .default(1)
        .describe('Instances above the wanted number while replacing.'),
      maxUnavailable: z
        .number()
        .int()
        .min(0)
        .max(1000)
        .default(0)
        .describe('Instances below the wanted number while replacing.'),
    })
    .refine((u) => u.maxSurge + u.maxUnavailable > 0, {
      error: 'found maxSurge 0 and maxUnavailable 0; at least one must be positive, or nothing can be replaced',
    })
    .prefault({}),
};

export const templateSchema = z.strictObject(template);
export type Template = z.infer<typeof templateSchema>;

const healthPortExists = (s: { health?: Health | undefined; ports: Record<string, ServicePort> }): boolean =>
  !s.health || Object.hasOwn(s.ports, s.health.port);
const HEALTH_PORT = { path: ['health', 'port'], error: 'names no port of this service; name one of those under ports' };

export const serviceSpec = z
  .strictObject({
    ...template,
    ...scheduling,
    epg: nameSchema
      .optional()
      .describe('EPG of the same application; by default the one with the name of the service.'),
    restartedAt: z.string().max(40).optional().describe('A new value replaces every instance, one after the other.'),
  })
  .refine(healthPortExists, HEALTH_PORT);
export type ServiceSpec = z.infer<typeof serviceSpec>;

export const appServiceSchema = z
  .strictObject({
    ...template,
    ...scheduling,
    restartedAt: z.string().max(40).optional(),
    domain: nameSchema
      .optional()
      .describe('The Domain that its EPG attaches through, where that is not the one of the App.'),
  })
  .refine(healthPortExists, HEALTH_PORT);

export const connectSchema = z.strictObject({
  from: nameSchema.describe('The service that opens the connection.'),
  to: nameSchema.describe('The service that is connected to.'),
  port: nameSchema.describe('Name of a port of the service connected to.'),
});
export type Connect = z.infer<typeof connectSchema>;

export const appSpec = z
  .strictObject({
    bridgeDomain: nameSchema.default('default'),
    domain: nameSchema.default('default').describe('The Domain that says how its services attach.'),
    services: z
      .record(serviceNameSchema, appServiceSchema)
      .refine((s) => Object.keys(s).length <= 500, { error: 'found more than 500 services; split the application' }),
    connect: z.array(connectSchema).max(5000).default([]),
  })
  .superRefine((app, ctx) => {
    const names = Object.keys(app.services);
    app.connect.forEach((line, i) => {
      for (const end of ['from', 'to'] as const) {
        const name = line[end];
        if (Object.hasOwn(app.services, name)) continue;
        const message =
          name === 'world'
            ? 'found "world"; connections with the outside of the VRF are not available in this version'
            : `found "${name}", which is no service of this application; allowed are ${names.join(', ') || '(none are defined)'}`;
        ctx.addIssue({ code: 'custom', path: ['connect', i, end], message });
      }
      const target = Object.hasOwn(app.services, line.to) ? app.services[line.to] : undefined;
      if (target && !Object.hasOwn(target.ports, line.port)) {
        const ports = Object.keys(target.ports).join(', ') || '(it has none)';
        ctx.addIssue({
          code: 'custom',
          path: ['connect', i, 'port'],
          message: `found "${line.port}", which is no port of ${line.to}; allowed are ${ports}`,
        });
      }
    });
  });
export type AppSpec = z.infer<typeof appSpec>;

/** One container's life on one host. Written by the scheduler. */
export const allocationSpec = z.strictObject({
  service: nameSchema,
  serviceUid: z.string().max(64),
  /** Identifies the template; instances with another hash are replaced by a rollout. */
  templateHash: z.string().max(64),
  index: z.number().int().min(0),
  host: nameSchema,
  epg: nameSchema,
  template: templateSchema,
  desired: z
    .enum(['run', 'stop'])
    .describe('stop is the tombstone: the only ground on which a host removes the container.'),
});
export type AllocationSpec = z.infer<typeof allocationSpec>;

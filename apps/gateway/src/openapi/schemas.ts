import { jsonSchemaOf, KINDS } from '@heddle/model';
import * as z from 'zod';
import { schemaOf } from './decorators';

const action = z.strictObject({ key: z.string(), action: z.enum(['created', 'updated', 'deleted']) });

const path = z.strictObject({ source: z.string(), destination: z.string(), traffic: z.string(), origin: z.string() });

const plan = z.strictObject({
  changed: z.array(action),
  containers: z.strictObject({
    start: z.array(
      z.strictObject({
        service: z.string(),
        host: z.string().optional().describe('Absent when no host takes it; the reason says why.'),
        reason: z.string(),
        replaces: z.string().optional().describe('The allocation among those that stop whose place it takes.'),
      }),
    ),
    stop: z.array(
      z.strictObject({ service: z.string(), allocation: z.string(), host: z.string(), reason: z.string() }),
    ),
  }),
  paths: z.strictObject({ opened: z.array(path), closed: z.array(path) }),
});

const changeAnswer = z.strictObject({
  position: z.number().int().describe('Position of the change in the log.'),
  changed: z.array(action),
  object: z.record(z.string(), z.unknown()).optional(),
  plan: plan.optional(),
});

const fabricConflict = z.strictObject({ dn: z.string(), class: z.string(), message: z.string() });

const fabricWaiting = z.strictObject({
  digest: z.string().describe('Stands for exactly this; what confirms it.'),
  reason: z.string(),
  deletions: z.number().int(),
});

const fabricPlan = z.strictObject({
  fabric: z.string(),
  driver: z.enum(['ovs-leaf', 'apic']),
  position: z.number().int().describe('Position of the log that it was worked out from.'),
  changes: z
    .array(
      z.strictObject({
        action: z.enum(['create', 'modify', 'delete']),
        dn: z.string(),
        class: z.string(),
        attributes: z.record(z.string(), z.strictObject({ from: z.string().optional(), to: z.string() })).optional(),
      }),
    )
    .describe('At most 1000, in the order in which they would be sent; those that wait are among them.'),
  totals: z.strictObject({ create: z.number().int(), modify: z.number().int(), delete: z.number().int() }),
  conflicts: z.array(fabricConflict),
  waiting: fabricWaiting.optional(),
  problems: z.array(z.string()),
});

const fabricStatus = z.strictObject({
  fabric: z.string(),
  driver: z.enum(['ovs-leaf', 'apic']),
  state: z.enum(['in-force', 'changing', 'waiting', 'refused', 'unreachable']),
  since: z.string(),
  position: z.number().int().describe('Position of the log that the state is about.'),
  missing: z.number().int().describe('Objects of a controller, or leaves, that are not as they should be.'),
  controller: z.string().optional(),
  lastSync: z.string().optional(),
  objects: z.number().int().optional(),
  leaves: z
    .array(
      z.strictObject({
        name: z.string(),
        state: z.enum(['ready', 'suspect', 'lost']),
        policyPosition: z.number().int(),
        inForce: z.boolean(),
      }),
    )
    .optional(),
  conflicts: z.array(fabricConflict),
  waiting: fabricWaiting.optional(),
  problems: z.array(z.string()),
});

const error = z.strictObject({
  code: z.enum([
    'invalid', 'not-found', 'conflict', 'refused', 'unauthenticated', 'forbidden', 'limit', 'unavailable', 'deadline',
    'fenced', 'state', 'internal',
  ]), // prettier-ignore
  message: z.string().describe('What was found, what is allowed, what to do.'),
  retryable: z.boolean().describe('Whether the same request may succeed later.'),
  problems: z
    .array(
      z.strictObject({
        path: z.string(),
        message: z.string(),
        line: z.number().int().optional(),
        column: z.number().int().optional(),
      }),
    )
    .optional(),
});

/** The schemas that the description of the API refers to: those of all kinds, and of the answers. */
export function componentSchemas(): Record<string, Record<string, unknown>> {
  const kinds = KINDS.map((kind) => {
    const { $schema: _draft, ...schema } = jsonSchemaOf(kind);
    return [kind.kind, schema] as const;
  });
  return {
    ...Object.fromEntries(kinds),
    Objects: { oneOf: KINDS.filter((k) => !k.derived).map((k) => ({ $ref: `#/components/schemas/${k.kind}` })) },
    Plan: schemaOf(plan),
    ChangeAnswer: schemaOf(changeAnswer),
    FabricPlan: schemaOf(fabricPlan),
    FabricStatus: schemaOf(fabricStatus),
    Error: schemaOf(error),
  };
}

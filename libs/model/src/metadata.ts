import * as z from 'zod';
import { nameSchema, serviceNameSchema } from './names';

/** The version of the object format. */
export const API_VERSION = 'heddle/v1';

const LABEL_KEY = /^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/;

const labelKeySchema = z.string().regex(LABEL_KEY, {
  error: (issue) =>
    `found label key "${String(issue.input)}"; allowed are up to 63 letters, digits, "-", "_" and ".", with an optional "prefix/" before them`,
});

export const isLabelKey = (key: string): boolean => LABEL_KEY.test(key);

export const labelsSchema = z.record(labelKeySchema, z.string().max(253));
export type Labels = z.infer<typeof labelsSchema>;

/** Names the object that owns another: deleting the owner deletes what it owns. */
export const ownerSchema = z.strictObject({
  kind: z.string().min(1).max(40).describe('Kind of the owner, for example App.'),
  path: z.string().min(1).max(200).describe('Path of the owner, for example acme/shop.'),
});
export type Owner = z.infer<typeof ownerSchema>;

const shared = {
  name: nameSchema,
  labels: labelsSchema.default({}),
  annotations: z.record(labelKeySchema, z.string().max(65_536)).default({}),
  owner: ownerSchema.optional(),
  /** Set by Heddle; accepted on input so that what was read can be written back. */
  uid: z
    .string()
    .max(64)
    .optional()
    .describe('Set by Heddle: identifies this object among all that ever had its name.'),
  revision: z
    .number()
    .int()
    .min(0)
    .optional()
    .describe('Set by Heddle: position in the log of the last change of this object.'),
  generation: z.number().int().min(0).optional().describe('Set by Heddle: counts changes of the spec.'),
  generated: z.boolean().optional().describe('Set by Heddle: the object was expanded from its owner.'),
};

export const clusterMetadataSchema = z.strictObject(shared);
export const tenantMetadataSchema = z.strictObject({ tenant: nameSchema, ...shared });
export const applicationMetadataSchema = z.strictObject({ tenant: nameSchema, application: nameSchema, ...shared });
/** Of what an App makes from its services, so named by the same rule when a person writes it. */
export const serviceMetadataSchema = applicationMetadataSchema.extend({ name: serviceNameSchema });

/** Metadata of any object. `tenant` and `application` are present as the scope of the kind asks. */
export interface Metadata {
  name: string;
  tenant?: string;
  application?: string;
  labels: Labels;
  annotations: Record<string, string>;
  owner?: Owner;
  uid?: string;
  revision?: number;
  generation?: number;
  generated?: boolean;
}

import * as z from 'zod';

/** A name is a DNS label (RFC 1123): 1 to 63 lower-case letters, digits and hyphens, no hyphen at either end. */
export const NAME_PATTERN = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** `--` joins the parts of names that Heddle generates, so a name that a person writes may not contain it. */
export const GENERATED_SEPARATOR = '--';

export const NAME_RULE =
  'allowed are 1 to 63 lower-case letters, digits and single hyphens, starting and ending with a letter or digit';

/** Words with a meaning of their own where a service or EPG is named. */
export const RESERVED_NAMES: ReadonlySet<string> = new Set(['world', 'any', 'instances', 'heddle']);

export const nameSchema = z
  .string()
  .regex(NAME_PATTERN, { error: (issue) => `found "${String(issue.input)}"; ${NAME_RULE}` })
  .meta({ description: 'A DNS label.' });

/** A name that people may give to a service or EPG, in an App or by itself. */
export const serviceNameSchema = nameSchema.refine((name) => !RESERVED_NAMES.has(name), {
  error: (issue) =>
    `"${String(issue.input)}" is a reserved word; choose another name (reserved: ${[...RESERVED_NAMES].join(', ')})`,
});

/** Joins parts into the name of a generated object; too long a name is cut and ends in a hash of the whole. */
export function generatedName(...parts: readonly string[]): string {
  const whole = parts.join(GENERATED_SEPARATOR);
  if (whole.length <= 63) return whole;
  return `${whole.slice(0, 54).replace(/-+$/, '')}-${fnv1a(whole).toString(16).padStart(8, '0')}`;
}

/** FNV-1a, 32 bits (Fowler, Noll, Vo): a short, stable, non-cryptographic hash. */
export function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash ^= text.charCodeAt(i);
    hash = Math.imul(hash, 0x01000193);
  }
  return hash >>> 0;
}

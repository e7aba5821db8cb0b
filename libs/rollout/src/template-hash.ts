import { healthSchema, templateSchema, type HeddleObject, type Template } from '@heddle/model';
import { fnv1a64 } from './fnv64';

/** A template, and what else of a service makes an instance another one. */
export interface VersionedTemplate {
  readonly template: Template;
  /** EPG of the instances: they cannot change it while they run. */
  readonly epg: string;
  /** Domain that the EPG attaches through: how an instance is attached cannot change while it runs. Absent: `default`. */
  readonly domain?: string;
  /** A new value asks for new instances of an unchanged template. */
  readonly restartedAt?: string;
}

/**
 * Identifies a version of a service: instances with another hash are replaced. The order of keys does not matter, and a
 * field with its default value counts as absent, so that a new version of Heddle that knows one more field (with a
 * default that changes nothing) does not replace every container there is.
 */
export function templateHash({ template, epg, domain, restartedAt }: VersionedTemplate): string {
  const health = template.health && withoutDefaults(template.health, HEALTH_DEFAULTS);
  const essentials = withoutDefaults({ ...template, health }, TEMPLATE_DEFAULTS);
  const other = domain === DEFAULT_DOMAIN ? undefined : domain;
  return fnv1a64(canonicalJson({ template: essentials, epg, domain: other, restartedAt }));
}

/**
 * The template part of a service's specification, its EPG by default the one with its own name.
 * @param domain name of the Domain that the EPG attaches through
 */
export function versionedTemplate(service: HeddleObject<'Service'>, domain?: string): VersionedTemplate {
  const spec: Readonly<Record<string, unknown>> = service.spec;
  const fields = Object.keys(templateSchema.shape).filter((field) => spec[field] !== undefined);
  return {
    template: Object.fromEntries(fields.map((field) => [field, spec[field]])) as Template,
    epg: service.spec.epg ?? service.metadata.name,
    domain,
    restartedAt: service.spec.restartedAt,
  };
}

/** What an EPG attaches through that names no other. */
const DEFAULT_DOMAIN = 'default';

const { image: _image, ...TEMPLATE_DEFAULTS } = templateSchema.parse({ image: 'any' });
const { type: _type, port: _port, ...HEALTH_DEFAULTS } = healthSchema.parse({ type: 'tcp', port: 'any' });

type Json = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function withoutDefaults(value: Json, defaults: Json): Json {
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, field]): [string, unknown][] => {
      const usual = Object.hasOwn(defaults, key) ? defaults[key] : undefined;
      if (usual === undefined) return [[key, field]];
      if (canonicalJson(field) === canonicalJson(usual)) return [];
      return [[key, isObject(field) && isObject(usual) ? withoutDefaults(field, usual) : field]];
    }),
  );
}

/** JSON with the keys of every object in order and without undefined fields: equal values give equal texts. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (!isObject(value)) return JSON.stringify(value ?? null);
  const fields = Object.keys(value)
    .filter((key) => value[key] !== undefined)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key])}`);
  return `{${fields.join(',')}}`;
}

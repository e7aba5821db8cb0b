import { ApiError, badRequest } from './api-error';
import { kept, MODEL, namingOf, readRn, rnOf, type MoClassModel } from './model';

export interface Mo {
  readonly dn: string;
  readonly class: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** What happened to an object, as a subscriber is told. */
export interface MoEvent {
  readonly class: string;
  readonly dn: string;
  readonly status: 'created' | 'modified' | 'deleted';
  /** Of a creation all, of a modification those that changed. */
  readonly attributes: Readonly<Record<string, string>>;
  /** The object as it is, or as it was before it was deleted. */
  readonly object: Mo;
}

/** A managed object as it is posted. */
export type Body = { readonly [name: string]: unknown };

/** Splits a distinguished name at the slashes outside of brackets. */
export function rns(dn: string): string[] {
  const parts: string[] = [''];
  let depth = 0;
  for (const char of dn) {
    if (char === '[') depth++;
    if (char === ']') depth--;
    if (char === '/' && depth === 0) parts.push('');
    else parts[parts.length - 1] += char;
  }
  return parts;
}

const parentDn = (dn: string): string => rns(dn).slice(0, -1).join('/');
const isWithin = (dn: string, ancestor: string): boolean => dn === ancestor || dn.startsWith(`${ancestor}/`);

/** The management information tree, and the transactions that change it. */
export class ManagementTree {
  private objects = new Map<string, Mo>();

  constructor() {
    for (const [dn, name] of [['uni', 'polUni'], ['uni/infra', 'infraInfra']] as const)
      this.objects.set(dn, { dn, class: name, attributes: { annotation: '', descr: '', nameAlias: '' } }); // prettier-ignore
  }

  get(dn: string): Mo | undefined {
    return this.objects.get(dn);
  }

  all(): Mo[] {
    return [...this.objects.values()];
  }

  /** An object and all below it, the object first. */
  subtree(dn: string): Mo[] {
    return this.all().filter((mo) => isWithin(mo.dn, dn));
  }

  /** The class that an object of this name has. @throws ApiError for a name that no object can have */
  classAt(dn: string): string {
    let name = 'polUni';
    const parts = rns(dn);
    // Symptom 2 in the ACI Troubleshooting Book, "REST Interface".
    const invalid = (i: number): ApiError =>
      badRequest('400', `Invalid DN ${dn} wrong rn prefix ${parts[i]} at position ${i}`);
    if (parts[0] !== 'uni') throw invalid(0);
    parts.slice(1).forEach((rn, i) => {
      const found = Object.entries(MODEL).find(([, model]) => model.parents.includes(name) && readRn(model, rn));
      if (!found) throw invalid(i + 1);
      name = found[0];
    });
    return name;
  }

  /**
   * A transaction: objects are created or merged as the body says, all of them or none ("Using the REST API": POST is
   * idempotent, and a tree is one transaction). `status` on an object: `created` demands that it is not there, `modified` that it
   * is, `deleted` deletes it and what is below.
   * @throws ApiError with nothing changed
   */
  post(dn: string, body: Body): MoEvent[] {
    const before = this.objects;
    this.objects = new Map(before);
    try {
      const events: MoEvent[] = [];
      this.apply(parentDn(dn), body, events, dn);
      return events;
    } catch (error) {
      this.objects = before;
      throw error;
    }
  }

  /** Deletes an object and what is below it; harmless where there is none. */
  delete(dn: string): MoEvent[] {
    this.classAt(dn);
    const events: MoEvent[] = [];
    this.remove(dn, events);
    return events;
  }

  private apply(parent: string, body: Body, events: MoEvent[], at?: string): void {
    const entries = Object.entries(body);
    const [name, node] = entries[0] ?? [];
    if (entries.length !== 1 || name === undefined) throw badRequest('400', 'incomplete node: expected one object');
    const model = MODEL[name];
    if (!model) throw badRequest('122', `unknown managed object class ${name}`);
    const { attributes, children } = readNode(name, node);
    const { status = '', dn: given, rn, ...values } = attributes;
    const dn = at ?? this.nameOf(name, model, parent, { given, rn, values });
    if (this.classAt(dn) !== name || (given !== undefined && given !== dn))
      throw badRequest('107', `unknown property value ${given ?? dn}, name dn, class ${name} [(Dn0)] Dn0=${dn}, `);
    const above = this.objects.get(parentDn(dn));
    // Seen of an APIC: an object below one that is not there is refused with the code 102 of its own name.
    if (dn !== 'uni' && !above) throw badRequest('102', `configured object ((Dn0)) not found Dn0=${dn}, `);
    const present = this.objects.get(dn);
    const statuses = status.split(',').map((word) => word.trim());
    if (statuses.includes('deleted')) return this.remove(dn, events);
    if (status === 'modified' && !present) throw badRequest('102', `configured object ((Dn0)) not found Dn0=${dn}, `);
    if (status === 'created' && present) throw badRequest('103', `Cannot create ${name}; object ${dn} already exists.`);
    const named = readRn(model, rns(dn).at(-1) ?? '') ?? {};
    this.put(name, model, dn, { ...named, ...values }, events);
    for (const child of children) {
      const [childName = ''] = Object.keys(child);
      // Symptom 5 in the ACI Troubleshooting Book, "REST Interface".
      if (MODEL[childName] && !MODEL[childName].parents.includes(name))
        throw badRequest('400', `Invalid request. Cannot contain child: ${childName} under parent: ${name}`);
      this.apply(dn, child, events);
    }
  }

  private nameOf(
    name: string,
    model: MoClassModel,
    parent: string,
    { given, rn, values }: { given: string | undefined; rn: string | undefined; values: Record<string, string> },
  ): string {
    if (given !== undefined) return given;
    const last = rn ?? rnOf(model, values);
    if (last !== undefined) return `${parent}/${last}`;
    const missing = namingOf(model).filter((naming) => !values[naming]);
    throw badRequest('400', `Invalid request. naming property ${missing.join(', ')} of ${name} is missing`);
  }

  private put(name: string, model: MoClassModel, dn: string, values: Record<string, string>, events: MoEvent[]): void {
    const present = this.objects.get(dn);
    const defaults = Object.fromEntries(Object.entries(model.properties).map(([key, p]) => [key, p.byDefault]));
    const next: Record<string, string> = { ...(present?.attributes ?? defaults) };
    const changed: Record<string, string> = {};
    for (const [key, value] of Object.entries(values)) {
      const property = model.properties[key];
      if (!property) throw badRequest('400', `Invalid request. unknown attribute ${key} in ${name}`);
      if (!property.allowed.test(value))
        throw badRequest('801', `property ${key} of ${rns(dn).at(-1)} failed validation for value '${value}'`);
      if (namingOf(model).includes(key) && present && present.attributes[key] !== value)
        throw badRequest('107', `unknown property value ${value}, name ${key}, class ${name} [(Dn0)] Dn0=${dn}, `);
      const spelled = kept(key, value);
      if (next[key] !== spelled) changed[key] = spelled;
      next[key] = spelled;
    }
    const object = { dn, class: name, attributes: next };
    this.objects.set(dn, object);
    if (!present) {
      events.push({ class: name, dn, status: 'created', attributes: next, object });
      for (const [child, childModel] of Object.entries(MODEL))
        if (childModel.implicit && childModel.parents.includes(name)) this.put(child, childModel, `${dn}/${childModel.rn}`, {}, events); // prettier-ignore
    } else if (Object.keys(changed).length > 0)
      events.push({ class: name, dn, status: 'modified', attributes: changed, object });
  }

  private remove(dn: string, events: MoEvent[]): void {
    const present = this.objects.get(dn);
    if (!present) return;
    const model = MODEL[present.class];
    if (dn === 'uni' || dn === 'uni/infra') throw badRequest('105', `object ${dn} cannot be deleted`);
    if (model?.implicit) {
      // A named relation to one object is set back to its default.
      const defaults = Object.fromEntries(Object.entries(model.properties).map(([key, p]) => [key, p.byDefault]));
      this.put(present.class, model, dn, defaults, events);
      return;
    }
    for (const object of this.subtree(dn)) {
      this.objects.delete(object.dn);
      events.push({ class: object.class, dn: object.dn, status: 'deleted', attributes: {}, object });
    }
  }
}

function readNode(name: string, node: unknown): { attributes: Record<string, string>; children: Body[] } {
  const { attributes = {}, children = [], ...rest } = (node ?? {}) as Record<string, unknown>;
  // "REST Interface", symptom 5: what is neither attributes nor children makes a node incomplete.
  if (Object.keys(rest).length > 0 || typeof attributes !== 'object' || !Array.isArray(children))
    throw badRequest('400', `incomplete node at ${name}`);
  const bad = Object.entries(attributes as object).find(([, value]) => typeof value !== 'string');
  if (bad) throw badRequest('400', `incomplete node at ${name}: attribute ${bad[0]} is no text`);
  return { attributes: attributes as Record<string, string>, children: children as Body[] };
}

import { classInfo, type Attributes, type MoClass } from './classes';

/** A managed object as a value: what is wanted of it, and of what is below it. */
export interface Mo {
  readonly class: MoClass;
  readonly attributes: Attributes;
  readonly children: readonly Mo[];
}

/** An object at its place in the tree. */
export interface PlacedMo {
  readonly dn: string;
  readonly class: MoClass;
  readonly attributes: Attributes;
  /** Undefined of a root. */
  readonly parent?: string;
  /** The root that it is part of; of a root its own name. What is below one root is sent as one. */
  readonly root: string;
  /** Of a relation: what it names. */
  readonly target?: string;
}

/** An object as an APIC has it, of whichever class. */
export interface PresentMo {
  readonly dn: string;
  readonly class: string;
  readonly attributes: Attributes;
}

export const mo = (name: MoClass, attributes: Attributes, children: readonly Mo[] = []): Mo => ({
  class: name,
  attributes,
  children,
});

/** The distinguished name of an object below a parent, or of a root. */
export function dnOf(name: MoClass, attributes: Attributes, parent?: string): string {
  const rn = classInfo(name).name(attributes);
  return parent === undefined ? rn : `${parent}/${rn}`;
}

/** All objects of trees by distinguished name, parents before their children. */
export function placed(roots: readonly Mo[]): Map<string, PlacedMo> {
  const all = new Map<string, PlacedMo>();
  const visit = (object: Mo, above?: PlacedMo): void => {
    const dn = dnOf(object.class, object.attributes, above?.dn);
    const { target } = classInfo(object.class);
    const self: PlacedMo = {
      dn,
      class: object.class,
      attributes: object.attributes,
      root: above?.root ?? dn,
      ...(above === undefined ? {} : { parent: above.dn }),
      ...(target === undefined ? {} : { target: target(object.attributes, dn) }),
    };
    all.set(dn, self);
    for (const child of object.children) visit(child, self);
  };
  for (const root of roots) visit(root);
  return all;
}

/** The same trees with one more attribute on every object. */
export const withAttribute = (roots: readonly Mo[], name: string, value: string): Mo[] =>
  roots.map(({ class: kind, attributes, children }) => ({
    class: kind,
    attributes: { ...attributes, [name]: value },
    children: withAttribute(children, name, value),
  }));

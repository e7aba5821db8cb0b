import { CLASSES, type Attributes } from '../tree/classes';
import { parentOf } from '../tree/dn';
import { dnOf, type PresentMo } from '../tree/mo';
import type { MoJson, Post } from '../diff/posts';

/**
 * What an APIC would hold after requests, as far as the tests of the difference need it: objects are merged, and deleted with
 * all that is below them.
 */
export class TreeModel {
  constructor(readonly objects: Map<string, PresentMo> = new Map()) {}

  add(dn: string, name: string, attributes: Attributes): this {
    this.objects.set(dn, { dn, class: name, attributes });
    return this;
  }

  post({ dn, body }: Post): void {
    this.merge(body, parentOf(dn), dn);
  }

  private merge(json: MoJson, parent: string | undefined, at?: string): void {
    for (const [name, { attributes, children = [] }] of Object.entries(json)) {
      const { dn: _dn, rn, status, ...rest } = attributes;
      const dn = at ?? (rn === undefined ? dnOf(name as keyof typeof CLASSES, attributes, parent) : `${parent}/${rn}`);
      if (status === 'deleted') {
        for (const key of [...this.objects.keys()])
          if (key === dn || key.startsWith(`${dn}/`)) this.objects.delete(key);
        continue;
      }
      const present = this.objects.get(dn);
      if (status === 'modified' && !present) throw new Error(`${dn} is not there`);
      this.objects.set(dn, { dn, class: name, attributes: { ...present?.attributes, ...rest } });
      for (const child of children) this.merge(child, dn);
    }
  }
}

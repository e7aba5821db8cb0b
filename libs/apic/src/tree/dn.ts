/**
 * Distinguished names of managed objects: relative names joined by `/`, where a value in brackets may itself be a
 * distinguished name: `uni/tn-acme/ap-shop/epg-web/rspathAtt-[topology/pod-1/paths-101/pathep-[eth1/5]]`.
 */

/** The relative names of a distinguished name, outermost first. */
export function rnsOf(dn: string): string[] {
  const rns: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i < dn.length; i++) {
    if (dn[i] === '[') depth++;
    else if (dn[i] === ']') depth--;
    else if (dn[i] === '/' && depth === 0) {
      rns.push(dn.slice(start, i));
      start = i + 1;
    }
  }
  return [...rns, dn.slice(start)];
}

/** The object above; undefined of the outermost one. */
export function parentOf(dn: string): string | undefined {
  const parts = rnsOf(dn);
  return parts.length > 1 ? parts.slice(0, -1).join('/') : undefined;
}

/** Whether the first is somewhere below the second, in the sense of the tree: no object is below itself. */
export const isBelow = (dn: string, ancestor: string): boolean => dn.startsWith(`${ancestor}/`);

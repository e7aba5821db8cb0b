import { fnv1a } from '@heddle/model';
import { dnOf, mo, type Mo, type PresentMo } from './tree/mo';
import { NAME_LIMIT } from './tree/values';

/** Up to where an APIC has been written, and for which cluster; positions compare within one incarnation of one cluster. */
export interface WriteRecord {
  readonly clusterUid: string;
  readonly incarnation: number;
  readonly position: number;
}

/**
 * The record is kept on the APIC itself, because the store of a cluster may be lost or restored from an older copy, and then
 * must not tear down, or open again, what is there. It is the description of a VLAN pool without any VLAN, of a name that no
 * Domain can have; whoever has another annotation has another one.
 */
export function recordName(annotation: string): string {
  const suffix = '.record';
  if (annotation.length + suffix.length <= NAME_LIMIT) return annotation + suffix;
  const hash = fnv1a(annotation).toString(16).padStart(8, '0');
  return `${annotation.slice(0, NAME_LIMIT - suffix.length - 9)}-${hash}${suffix}`;
}

const FORM = /^heddle ([A-Za-z0-9-]{1,64}) incarnation ([0-9]{1,15}) position ([0-9]{1,15})$/;

/** The managed object that says it. */
export const recordMo = (annotation: string, { clusterUid, incarnation, position }: WriteRecord): Mo =>
  mo('fvnsVlanInstP', {
    name: recordName(annotation),
    allocMode: 'static',
    annotation,
    descr: `heddle ${clusterUid} incarnation ${incarnation} position ${position}`,
  });

/** Reads it back; undefined where the object says something else, or is somebody else's. */
function readRecord(object: PresentMo | undefined, annotation: string): WriteRecord | undefined {
  if (object?.attributes['annotation'] !== annotation) return undefined;
  const [, clusterUid, incarnation, position] = FORM.exec(object.attributes['descr'] ?? '') ?? [];
  if (clusterUid === undefined) return undefined;
  return { clusterUid, incarnation: Number(incarnation), position: Number(position) };
}

/** Takes the record out of what was read: it is neither wanted nor surplus. */
export function takeRecord(
  objects: ReadonlyMap<string, PresentMo>,
  annotation: string,
): { record: WriteRecord | undefined; rest: ReadonlyMap<string, PresentMo> } {
  const dn = recordDn(annotation);
  const record = readRecord(objects.get(dn), annotation);
  return { record, rest: new Map([...objects].filter(([key]) => key !== dn)) };
}

/** The name of the object that holds the record. */
export const recordDn = (annotation: string): string =>
  dnOf('fvnsVlanInstP', { name: recordName(annotation), allocMode: 'static' });

/** How a record stands to the state that is to be written. */
export type RecordStanding =
  /** Nobody has written, or the record is gone. */
  | 'none'
  /** Written by this cluster, from this state or an earlier one. */
  | 'behind'
  /** Written by this cluster from a later state: the store is an older copy. */
  | 'ahead'
  /** Written by another cluster. */
  | 'foreign';

export function standingOf(record: WriteRecord | undefined, state: WriteRecord): RecordStanding {
  if (record === undefined) return 'none';
  if (record.clusterUid !== state.clusterUid) return 'foreign';
  const age = record.incarnation - state.incarnation || record.position - state.position;
  return age > 0 ? 'ahead' : 'behind';
}

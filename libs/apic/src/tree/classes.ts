import { parentOf } from './dn';

/** Values of an object's properties by name. Everything is text, as an APIC has it. */
export type Attributes = Readonly<Record<string, string>>;

/** What has to be known of a class of the management information model to place its objects in the tree. */
export interface ClassInfo {
  /** The class that contains it; `root` where the objects of ours begin. */
  readonly parent: string;
  /** Attributes from which the relative name follows. */
  readonly naming: readonly string[];
  /** Relative name; of a root, the distinguished name. */
  readonly name: (attributes: Attributes) => string;
  /**
   * A relation to one object that exists together with its parent and cannot be deleted by itself. It belongs to whoever
   * has the parent, whatever its annotation.
   */
  readonly toOne?: true;
  /** Only holds others: nothing of what is enforced depends on it, so objects of ours may be below somebody else's. */
  readonly holder?: true;
  /** Of a relation: the distinguished name of what it names, from its own. */
  readonly target?: (attributes: Attributes, dn: string) => string;
}

const at = (attributes: Attributes, name: string): string => attributes[name] ?? '';

/** The tenant that a relation by name is resolved in: that of the relation itself. */
const tenantOf = (dn: string): string => {
  let tenant = dn;
  for (let above = parentOf(tenant); above !== undefined && above !== 'uni'; above = parentOf(tenant)) tenant = above;
  return tenant;
};

/** The classes of which Heddle makes objects, in the order in which an object comes before what refers to it. */
export const CLASSES = {
  fvnsVlanInstP: {
    parent: 'root',
    naming: ['name', 'allocMode'],
    name: (a) => `uni/infra/vlanns-[${at(a, 'name')}]-${at(a, 'allocMode')}`,
  },
  fvnsEncapBlk: {
    parent: 'fvnsVlanInstP',
    naming: ['from', 'to'],
    name: (a) => `from-[${at(a, 'from')}]-to-[${at(a, 'to')}]`,
  },
  physDomP: { parent: 'root', naming: ['name'], name: (a) => `uni/phys-${at(a, 'name')}` },
  infraRsVlanNs: {
    parent: 'physDomP',
    naming: [],
    name: () => 'rsvlanNs',
    toOne: true,
    target: (a) => at(a, 'tDn'),
  },
  fvTenant: { parent: 'root', naming: ['name'], name: (a) => `uni/tn-${at(a, 'name')}`, holder: true },
  fvCtx: { parent: 'fvTenant', naming: ['name'], name: (a) => `ctx-${at(a, 'name')}` },
  fvBD: { parent: 'fvTenant', naming: ['name'], name: (a) => `BD-${at(a, 'name')}` },
  fvRsCtx: {
    parent: 'fvBD',
    naming: [],
    name: () => 'rsctx',
    toOne: true,
    target: (a, dn) => `${tenantOf(dn)}/ctx-${at(a, 'tnFvCtxName')}`,
  },
  fvSubnet: { parent: 'fvBD', naming: ['ip'], name: (a) => `subnet-[${at(a, 'ip')}]` },
  vzFilter: { parent: 'fvTenant', naming: ['name'], name: (a) => `flt-${at(a, 'name')}` },
  vzEntry: { parent: 'vzFilter', naming: ['name'], name: (a) => `e-${at(a, 'name')}` },
  vzBrCP: { parent: 'fvTenant', naming: ['name'], name: (a) => `brc-${at(a, 'name')}` },
  vzSubj: { parent: 'vzBrCP', naming: ['name'], name: (a) => `subj-${at(a, 'name')}` },
  vzRsSubjFiltAtt: {
    parent: 'vzSubj',
    naming: ['tnVzFilterName'],
    name: (a) => `rssubjFiltAtt-${at(a, 'tnVzFilterName')}`,
    target: (a, dn) => `${tenantOf(dn)}/flt-${at(a, 'tnVzFilterName')}`,
  },
  fvAp: { parent: 'fvTenant', naming: ['name'], name: (a) => `ap-${at(a, 'name')}`, holder: true },
  fvAEPg: { parent: 'fvAp', naming: ['name'], name: (a) => `epg-${at(a, 'name')}` },
  fvRsBd: {
    parent: 'fvAEPg',
    naming: [],
    name: () => 'rsbd',
    toOne: true,
    target: (a, dn) => `${tenantOf(dn)}/BD-${at(a, 'tnFvBDName')}`,
  },
  fvRsDomAtt: {
    parent: 'fvAEPg',
    naming: ['tDn'],
    name: (a) => `rsdomAtt-[${at(a, 'tDn')}]`,
    target: (a) => at(a, 'tDn'),
  },
  fvRsProv: {
    parent: 'fvAEPg',
    naming: ['tnVzBrCPName'],
    name: (a) => `rsprov-${at(a, 'tnVzBrCPName')}`,
    target: (a, dn) => `${tenantOf(dn)}/brc-${at(a, 'tnVzBrCPName')}`,
  },
  fvRsCons: {
    parent: 'fvAEPg',
    naming: ['tnVzBrCPName'],
    name: (a) => `rscons-${at(a, 'tnVzBrCPName')}`,
    target: (a, dn) => `${tenantOf(dn)}/brc-${at(a, 'tnVzBrCPName')}`,
  },
  fvRsPathAtt: { parent: 'fvAEPg', naming: ['tDn'], name: (a) => `rspathAtt-[${at(a, 'tDn')}]` },
} as const satisfies Record<string, ClassInfo>;

export type MoClass = keyof typeof CLASSES;

export const MO_CLASSES = Object.keys(CLASSES) as readonly MoClass[];

export const classInfo = (name: MoClass): ClassInfo => CLASSES[name];

export const isMoClass = (name: string): name is MoClass => Object.hasOwn(CLASSES, name);

/**
 * What others are known to put below objects of these classes. It is read to see that something of theirs would go with an
 * object of ours; it is never changed.
 */
export const OTHERS_CLASSES = [
  'fvRsBDToOut', 'fvRsConsIf', 'fvRsIntraEpg', 'fvRsNodeAtt', 'fvRsProtBy', 'l2extOut', 'l3extOut', 'vzCPIf', 'vzTaboo',
] as const; // prettier-ignore

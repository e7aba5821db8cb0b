/**
 * The part of the management information model that the stand-in knows, after the APIC Management Information Model Reference:
 * of each class what contains it, how its relative name is formed, which properties can be configured and their defaults, and
 * which relations exist as soon as their source does. It shares nothing with what is tested against it.
 */

/** A property that can be configured. */
export interface Property {
  readonly byDefault: string;
  readonly allowed: RegExp;
}

export interface MoClassModel {
  /** Classes that may contain it. */
  readonly parents: readonly string[];
  /** Relative name, `{property}` stands for the value of a naming property. */
  readonly rn: string;
  readonly properties: Readonly<Record<string, Property>>;
  /** Made together with its parent, and set back instead of deleted: a named relation to one object. */
  readonly implicit?: true;
}

const property = (byDefault: string, allowed: RegExp): Property => ({ byDefault, allowed });
const oneOf = (byDefault: string, ...others: string[]): Property =>
  property(byDefault, new RegExp(`^(${[byDefault, ...others].join('|')})$`));

/** naming:Name: 1 to 64 letters, digits and `_ . : -`. */
const NAME = property('', /^[a-zA-Z0-9_.:-]{1,64}$/);
/** A relation by name may name nothing. */
const TARGET_NAME = property('', /^[a-zA-Z0-9_.:-]{0,64}$/);
const TARGET_DN = property('', /^(uni|topology)\/.+$/);
const ENCAP = property('unknown', /^(unknown|vlan-([1-9][0-9]{0,3}))$/);
const YES_NO = { yes: oneOf('yes', 'no'), no: oneOf('no', 'yes') };
/** l4:Port: a number, or the name of one that is well known. */
const PORT = property('unspecified', /^(unspecified|[0-9]{1,5}|ftpData|ssh|smtp|dns|http|pop3|https|rtsp)$/);

/** What nearly every class has. */
const COMMON: Readonly<Record<string, Property>> = {
  annotation: property('', /^[a-zA-Z0-9_.:-]{0,128}$/),
  descr: property('', /^[a-zA-Z0-9\\!#$%()*,\-./:;@ _{|}~?&+]{0,128}$/),
  nameAlias: property('', /^[a-zA-Z0-9_.-]{0,63}$/),
};

const model = (
  parents: string | readonly string[],
  rn: string,
  properties: Readonly<Record<string, Property>> = {},
  implicit?: true,
): MoClassModel => ({
  parents: typeof parents === 'string' ? [parents] : parents,
  rn,
  properties: { ...COMMON, ...properties },
  ...(implicit ? { implicit } : {}),
});

export const MODEL: Readonly<Record<string, MoClassModel>> = {
  polUni: model([], 'uni'),
  infraInfra: model('polUni', 'infra'),
  fvnsVlanInstP: model('infraInfra', 'vlanns-[{name}]-{allocMode}', {
    name: NAME,
    allocMode: oneOf('dynamic', 'static'),
  }),
  fvnsEncapBlk: model('fvnsVlanInstP', 'from-[{from}]-to-[{to}]', {
    from: ENCAP,
    to: ENCAP,
    allocMode: oneOf('inherit', 'static', 'dynamic'),
    role: oneOf('external', 'internal'),
  }),
  physDomP: model('polUni', 'phys-{name}', { name: NAME }),
  infraRsVlanNs: model('physDomP', 'rsvlanNs', {
    tDn: property('', /^(uni\/infra\/vlanns-\[.+\]-(static|dynamic))?$/),
  }),
  fvTenant: model('polUni', 'tn-{name}', { name: NAME }),
  fvCtx: model('fvTenant', 'ctx-{name}', {
    name: NAME,
    pcEnfPref: oneOf('enforced', 'unenforced'),
    pcEnfDir: oneOf('ingress', 'egress'),
  }),
  fvBD: model('fvTenant', 'BD-{name}', {
    name: NAME,
    unicastRoute: YES_NO.yes,
    arpFlood: YES_NO.no,
    unkMacUcastAct: oneOf('proxy', 'flood'),
    limitIpLearnToSubnets: YES_NO.yes,
    mac: property('00:22:BD:F8:19:FF', /^([0-9A-F]{2}:){5}[0-9A-F]{2}$/),
  }),
  fvRsCtx: model('fvBD', 'rsctx', { tnFvCtxName: TARGET_NAME }, true),
  fvRsBDToOut: model('fvBD', 'rsBDToOut-{tnL3extOutName}', { tnL3extOutName: NAME }),
  fvSubnet: model(['fvBD', 'fvAEPg'], 'subnet-[{ip}]', {
    ip: property('', /^[0-9a-fA-F.:]+\/[0-9]{1,3}$/),
    scope: property('private', /^(public|private|shared)(,(public|private|shared))*$/),
  }),
  vzFilter: model('fvTenant', 'flt-{name}', { name: NAME }),
  vzEntry: model('vzFilter', 'e-{name}', {
    name: NAME,
    etherT: oneOf('unspecified', 'ip', 'ipv4', 'ipv6', 'arp', 'trill', 'mpls_ucast', 'mac_security', 'fcoe'),
    prot: property(
      'unspecified',
      /^(unspecified|icmp|igmp|tcp|egp|igp|udp|icmpv6|eigrp|ospfigp|pim|l2tp|[1-9][0-9]{0,2})$/,
    ),
    icmpv4T: oneOf('unspecified', 'echo-rep', 'dst-unreach', 'src-quench', 'echo', 'time-exceeded'),
    stateful: YES_NO.no,
    applyToFrag: YES_NO.no,
    dFromPort: PORT,
    dToPort: PORT,
    sFromPort: PORT,
    sToPort: PORT,
  }),
  vzBrCP: model('fvTenant', 'brc-{name}', {
    name: NAME,
    scope: oneOf('context', 'application-profile', 'tenant', 'global'),
  }),
  vzSubj: model('vzBrCP', 'subj-{name}', { name: NAME, revFltPorts: YES_NO.yes }),
  vzRsSubjFiltAtt: model('vzSubj', 'rssubjFiltAtt-{tnVzFilterName}', {
    tnVzFilterName: NAME,
    action: oneOf('permit', 'deny'),
  }),
  vzTaboo: model('fvTenant', 'taboo-{name}', { name: NAME }),
  vzCPIf: model('fvTenant', 'cif-{name}', { name: NAME }),
  l3extOut: model('fvTenant', 'out-{name}', { name: NAME }),
  l2extOut: model('fvTenant', 'l2out-{name}', { name: NAME }),
  fvAp: model('fvTenant', 'ap-{name}', { name: NAME }),
  fvAEPg: model('fvAp', 'epg-{name}', {
    name: NAME,
    pcEnfPref: oneOf('unenforced', 'enforced'),
    prefGrMemb: oneOf('exclude', 'include'),
    prio: oneOf('unspecified', 'level1', 'level2', 'level3', 'level4', 'level5', 'level6'),
  }),
  fvRsBd: model('fvAEPg', 'rsbd', { tnFvBDName: TARGET_NAME }, true),
  fvRsDomAtt: model('fvAEPg', 'rsdomAtt-[{tDn}]', { tDn: TARGET_DN, instrImedcy: oneOf('lazy', 'immediate') }),
  fvRsProv: model('fvAEPg', 'rsprov-{tnVzBrCPName}', { tnVzBrCPName: NAME }),
  fvRsCons: model('fvAEPg', 'rscons-{tnVzBrCPName}', { tnVzBrCPName: NAME }),
  fvRsConsIf: model('fvAEPg', 'rsconsIf-{tnVzCPIfName}', { tnVzCPIfName: NAME }),
  fvRsIntraEpg: model('fvAEPg', 'rsintraEpg-{tnVzBrCPName}', { tnVzBrCPName: NAME }),
  fvRsProtBy: model('fvAEPg', 'rsprotBy-{tnVzTabooName}', { tnVzTabooName: NAME }),
  fvRsNodeAtt: model('fvAEPg', 'rsnodeAtt-[{tDn}]', { tDn: TARGET_DN, encap: ENCAP }),
  fvRsPathAtt: model('fvAEPg', 'rspathAtt-[{tDn}]', {
    tDn: TARGET_DN,
    encap: ENCAP,
    mode: oneOf('regular', 'native', 'untagged'),
    instrImedcy: oneOf('lazy', 'immediate'),
    primaryEncap: ENCAP,
  }),
};

/** Ports that are shown by name, however they were given. */
const PORT_NAMES: Readonly<Record<string, string>> = {
  20: 'ftpData',
  25: 'smtp',
  53: 'dns',
  80: 'http',
  110: 'pop3',
  443: 'https',
  554: 'rtsp',
};

/** The spelling in which a value is kept. */
export const kept = (name: string, value: string): string =>
  /^[ds](From|To)Port$/.test(name) ? (PORT_NAMES[value] ?? value) : value;

export const namingOf = ({ rn }: MoClassModel): string[] =>
  [...rn.matchAll(/\{(\w+)\}/g)].map(([, name]) => name as string);

/** The relative name of an object; undefined while a naming property is missing. */
export function rnOf(moClass: MoClassModel, attributes: Readonly<Record<string, string>>): string | undefined {
  const naming = namingOf(moClass);
  if (naming.some((name) => attributes[name] === undefined || attributes[name] === '')) return undefined;
  return naming.reduce((rn, name) => rn.replace(`{${name}}`, attributes[name] as string), moClass.rn);
}

/** Reads the naming properties out of a relative name; undefined when it is not of this class. */
export function readRn(moClass: MoClassModel, rn: string): Record<string, string> | undefined {
  const pattern = moClass.rn.replace(/[[\]]/g, '\\$&').replace(/\{\w+\}/g, '(.+)');
  const match = new RegExp(`^${pattern}$`).exec(rn);
  if (!match) return undefined;
  return Object.fromEntries(namingOf(moClass).map((name, i) => [name, match[i + 1] as string]));
}

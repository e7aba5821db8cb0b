import type { Problem } from '@heddle/model';
import { checkAfter } from './check';
import { changeOf, domain, entriesOf, host, WORLD } from './testing/objects';

const fabric = (name: string): string => `---\nkind: Fabric\nmetadata: { name: ${name} }\nspec: { driver: ovs-leaf }\n`;
const apic = (name: string): string =>
  `---\nkind: Fabric\nmetadata: { name: ${name} }\nspec: { driver: apic, controllers: ["https://192.0.2.9"], user: u, passwordFile: /p }\n`;
const lan = (name: string, of: string, uplink: string, vlans = '102'): string =>
  domain(name, `driver: ovs, encapsulation: vlan, fabric: ${of}, uplink: ${uplink}, vlans: "${vlans}"`);
const cable = (name: string, device: string, leaf: string, port: string): string =>
  `${name}: { interface: ${device}, leaf: "${leaf}", port: ${port} }`;
const cabled = (name: string, octet: number, cables: string, more = ''): string =>
  host(name, `192.0.2.${octet}`, `, uplinks: { ${cables} }${more}`);
const LEAF2 = host('leaf2', '192.0.2.102', ', role: leaf');

const check = (text: string, more = '', deletes: readonly string[] = []): Problem[] =>
  checkAfter(entriesOf(WORLD, more), changeOf(text, deletes), undefined);
const texts = (problems: readonly Problem[]): string[] => problems.map(({ path, message }) => `${path}: ${message}`);
const RULE = "VLANs are given once in each Fabric, so one of two Fabrics could be another EPG's there";

describe('an uplink of a host', () => {
  const advice = `${RULE}: name Fabric main or another uplink in one of the Domains, or say under spec.domains of the host which of the two it offers`;

  it('is of one Fabric', () => {
    expect(texts(check(fabric('fb') + lan('fbw', 'fb', 'a')))).toEqual([
      `Domain fbw spec.uplink: found "a", by which endpoints of Domain fbw of Fabric fb would be attached on hosts h1, h2, h3, and there it is an uplink of Domain wire of Fabric main; ${advice}`,
    ]);
    expect(check(lan('more', 'main', 'a', '150'))).toEqual([]);
  });

  it('is so by its interface, whatever it is called', () => {
    const twice = cabled('h4', 14, `${cable('x', 'eth1', 'leaf2', 'p4')}, ${cable('a', 'eth1', 'leaf2', 'p4')}`);
    expect(texts(check(lan('fbw', 'fb', 'x'), fabric('fb') + LEAF2 + twice))[0]).toContain(
      'Domain fbw spec.uplink: found "x", by which endpoints of Domain fbw of Fabric fb would be attached on host h4, and',
    );
  });

  it('leads a host of each rack elsewhere under one name, if hosts say which of the Domains they offer', () => {
    const racks =
      fabric('fb') +
      LEAF2 +
      ['h1', 'h2', 'h3']
        .map((name, i) => cabled(name, 11 + i, cable('a', 'eth1', 'leaf1', `p${i}`), ', domains: [wire]'))
        .join('') +
      cabled('h4', 14, cable('a', 'eth1', 'leaf2', 'p1'), ', domains: [fbw]');
    expect(check(racks + lan('fbw', 'fb', 'a'))).toEqual([]);
  });

  it('is refused to a host that registers with it', () => {
    const early = `${fabric('fb')}${lan('fbw', 'fb', 'x')}${lan('mainx', 'main', 'x', '160')}`;
    expect(check(early)).toEqual([]);
    expect(texts(check(cabled('h4', 14, cable('x', 'eth1', 'leaf2', 'p4')), early + LEAF2))).toEqual([
      `Host h4 spec.uplinks.x: found "x", by which endpoints of Domain mainx of Fabric main would be attached on host h4, and there it is an uplink of Domain fbw of Fabric fb; ${advice.replace('Fabric main', 'Fabric fb')}`,
    ]);
  });
});

describe('a leaf', () => {
  it('is of one Fabric, whichever uplinks lead there', () => {
    const h4 = cabled('h4', 14, cable('x', 'eth1', 'leaf1', 'p4'));
    expect(texts(check(fabric('fb') + lan('fbw', 'fb', 'x'), h4))).toEqual([
      `Domain fbw spec.uplink: found "x", by which Domain fbw of Fabric fb leads from host h4 to leaf leaf1, where Domain wire of Fabric main leads from host h1 by uplink "a"; ${RULE}: a leaf is of one Fabric, so name Fabric main in the Domain, or an uplink that leads to another leaf`,
    ]);
    // The host is what comes, and not the Domain.
    expect(check(h4, fabric('fb') + lan('fbw', 'fb', 'x')).map(({ path }) => path)).toEqual(['Host h4 spec.uplinks.x']);
    const elsewhere = cabled('h4', 14, cable('x', 'eth1', 'leaf2', 'p4'));
    expect(check(fabric('fb') + lan('fbw', 'fb', 'x'), elsewhere + LEAF2)).toEqual([]);
  });

  it('is judged before it has joined', () => {
    const cables =
      cabled('h4', 14, cable('x', 'eth1', 'leaf9', 'p4')) + cabled('h5', 15, cable('y', 'eth1', 'leaf9', 'p5'));
    const domains = lan('fbx', 'fb', 'x') + lan('mainy', 'main', 'y', '150');
    expect(check(domains, fabric('fb') + cables)).toHaveLength(1);
  });

  it('of an APIC may have the node id that another has', () => {
    const cables =
      cabled('h4', 14, cable('x', 'eth1', '101', 'p4')) + cabled('h5', 15, cable('y', 'eth1', '101', 'p5'));
    const domains = lan('one', 'aci1', 'x') + lan('two', 'aci2', 'y');
    expect(check(domains, apic('aci1') + apic('aci2') + cables)).toEqual([]);
    expect(check(domains, apic('aci1') + fabric('aci2') + cables)).toHaveLength(1);
  });

  it('that two Fabrics had already keeps nobody from changing something else, or from mending it', () => {
    const bad = fabric('fb') + lan('fbw', 'fb', 'a');
    expect(check(cabled('h1', 11, cable('a', 'eth1', 'leaf1', 'p1a'), ', zone: b'), bad)).toEqual([]);
    expect(check('', bad, ['Domain/fbw'])).toEqual([]);
    // The uplink is not shared any more, and the leaf still is.
    const apart = ['h1', 'h2', 'h3'].map((name, i) =>
      cabled(name, 11 + i, `${cable('a', 'eth1', 'leaf1', `p${i}a`)}, ${cable('x', 'eth3', 'leaf1', `p${i}x`)}`),
    );
    expect(check(apart.join('') + lan('fbw', 'fb', 'x'), bad)).toEqual([]);
  });
});

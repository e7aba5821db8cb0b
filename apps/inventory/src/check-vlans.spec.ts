import type { VlanTable } from '@heddle/ipam';
import type { HostReport, Problem } from '@heddle/model';
import { checkAfter } from './check';
import { changeOf, container, domain, entriesOf, epg, report, server, vm, WORLD } from './testing/objects';

const entry = (vlan: number, name: string, of: string, released?: number) => ({
  fabric: 'main',
  vlan,
  domain: of,
  epg: `acme/shop/${name}`,
  epgUid: `Epg/acme/shop/${name}`,
  ...(released === undefined ? {} : { released }),
});
const TABLE: VlanTable = {
  entries: [entry(100, 'db', 'wire'), entry(200, 'cache', 'trunk'), entry(300, 'edge', 'flat')],
};
const wire = (vlans: string, more = 'driver: ovs, encapsulation: vlan, fabric: main, uplink: a'): string =>
  domain('wire', `${more}, vlans: "${vlans}"`);

interface Given {
  readonly table?: VlanTable;
  readonly more?: string;
  readonly reports?: readonly HostReport[];
  readonly deletes?: readonly string[];
  readonly blocks?: readonly { vrf: string; bridgeDomain: string; block: string; host: string }[];
}
const problemsOf = (text: string, given: Given = {}): Problem[] =>
  checkAfter(entriesOf(WORLD, given.more ?? ''), changeOf(text, given.deletes), {
    blocks: { leases: given.blocks ?? [], returned: [] },
    registered: new Set(),
    vlans: {
      table: given.table ?? TABLE,
      heard: {
        reports: new Map((given.reports ?? []).map((r) => [r.host, r])),
        positions: new Map([['h1', 9], ['h2', 9], ['leaf1', 9]]),
        fabrics: new Map(),
        position: 9,
      },
    },
  }); // prettier-ignore
const texts = (problems: readonly Problem[]): string[] => problems.map(({ path, message }) => `${path}: ${message}`);

describe('the pool of a Domain', () => {
  it('may grow, and shrink by what nobody has', () => {
    expect(problemsOf(wire('100-199'))).toEqual([]);
    expect(problemsOf(wire('100'))).toEqual([]);
  });

  it('does not lose what an EPG has, nor what a host may hold', () => {
    expect(texts(problemsOf(wire('101-109')))).toEqual([
      'Domain wire spec.vlans: found "101-109", which has these no more: 100 of EPG acme/shop/db; keep them in the pool until no EPG has them and no host may hold them',
    ]);
    const resting = { entries: [...TABLE.entries, entry(105, 'old', 'wire', 10), entry(106, 'old', 'wire', 3)] };
    expect(texts(problemsOf(wire('100-104'), { table: resting }))).toEqual([
      'Domain wire spec.vlans: found "100-104", which has these no more: 105, which rests until h1, h2, h3, leaf1 let go of it, 106, which rests until h3 let go of it; keep them in the pool until no EPG has them and no host may hold them',
    ]);
  });

  it('has one for each of its EPGs', () => {
    const pair = { more: wire('100-101') };
    expect(problemsOf(epg('acme/shop/db2', '{ domain: wire }'), pair)).toEqual([]);
    const [problem, ...others] = problemsOf(
      epg('acme/shop/db2', '{ domain: wire }') + epg('acme/shop/web', '{ domain: wire }'),
      pair,
    );
    expect(others).toEqual([]);
    expect(problem).toMatchObject({
      path: 'Epg acme/shop/web spec.domain',
      message: expect.stringContaining(
        'no VLAN is left for EPG acme/shop/web in the pool "100-101" of Domain wire: of its 2, 2 are given',
      ),
    });
  });

  it('is too small for everybody who answers, also for who does not know what was given', () => {
    const check = (text: string): Problem[] => checkAfter(entriesOf(WORLD, wire('100-101')), changeOf(text), undefined);
    const three = epg('acme/shop/db2', '{ domain: wire }') + epg('acme/shop/web', '{ domain: wire }');
    expect(check(three)).toHaveLength(1);
    expect(check(epg('acme/shop/db2', '{ domain: wire }'))).toEqual([]);
    expect(check(domain('wire', 'driver: ovs'))).toHaveLength(1);
  });

  it('that was too small before is no reason to refuse something else', () => {
    const short = { more: wire('100') + epg('acme/shop/db2', '{ domain: wire }') };
    expect(problemsOf(epg('acme/shop/new'), short)).toEqual([]);
    expect(problemsOf(epg('acme/shop/new', '{ domain: wire }'), short)).toHaveLength(1);
  });
});

describe('a Domain', () => {
  it.each([
    ['uplink', wire('100-109', 'driver: ovs, encapsulation: vlan, fabric: main, uplink: b'), '"b" instead of "a"'],
    ['driver', wire('100-109', 'driver: macvlan, fabric: main, uplink: a'), '"macvlan" instead of "ovs"'],
    ['encapsulation', domain('wire', 'driver: ovs'), '"vxlan" instead of "vlan"'],
  ])('does not change its %s under the endpoints of its EPGs', (field, text, found) => {
    expect(texts(problemsOf(text))).toEqual([
      `Domain wire spec.${field}: found ${found}, and endpoints of EPG acme/shop/db are attached by what it was; make another Domain and bind the EPGs to that, so that their instances are replaced one after the other`,
    ]);
    const unused = { more: epg('acme/shop/db'), table: { entries: [] } };
    expect(problemsOf(text, unused)).toEqual([]);
    const resting = { ...unused, table: { entries: [entry(100, 'db', 'wire', 3)] } };
    expect(texts(problemsOf(text, resting))[0]).toContain('endpoints of what rests of acme/shop/db are attached');
  });

  it('changes its tagging only while nobody uses it, and its mode at any time', () => {
    const trunk = (more: string): string =>
      domain('trunk', `driver: macvlan, fabric: main, uplink: b, vlans: "200-209", ${more}`);
    expect(problemsOf(trunk('tagging: access'))).toHaveLength(1);
    expect(problemsOf(trunk('mode: private, shim: true, mtu: 1400'))).toEqual([]);
  });

  it('goes when nothing is attached through it any more', () => {
    const more = epg('acme/shop/db');
    const table = { entries: [entry(100, 'db', 'wire', 3)] };
    const attached = report('h1', [container('h1', 'acme/shop/db', 7, { driver: 'ovs', port: 'hd7', vlan: 100 })]);
    const gone = { more, table, deletes: ['Domain/wire'] };
    expect(texts(problemsOf('', { ...gone, reports: [attached] }))).toEqual([
      'Domain wire: endpoints are attached through it: acme/shop/db on h1; wait until they are gone or replaced',
    ]);
    expect(problemsOf('', gone)).toEqual([]);
  });

  it('goes with the EPG of what is attached through it, or after it', () => {
    const attached = report('h1', [container('h1', 'acme/shop/db', 7, { driver: 'ovs', port: 'hd7', vlan: 100 })]);
    const both = { deletes: ['Domain/wire', 'Epg/acme/shop/db'], reports: [attached] };
    expect(problemsOf('', both)).toEqual([]);
    const other = report('h2', [container('h2', 'acme/shop/db2', 8, { driver: 'ovs', port: 'hd8', vlan: 101 })]);
    const table = { entries: [...TABLE.entries, entry(101, 'db2', 'wire', 3)] };
    expect(texts(problemsOf('', { ...both, more: epg('acme/shop/db2'), table, reports: [attached, other] }))).toEqual([
      'Domain wire: endpoints are attached through it: acme/shop/db2 on h2; wait until they are gone or replaced',
    ]);
  });

  it('changes its tagging with EPGs that the same change makes, and not with what rests of earlier ones', () => {
    const trunk = domain('trunk', 'driver: macvlan, fabric: main, uplink: b, vlans: "200-209", tagging: access');
    const more = epg('acme/shop/cache');
    const anew = trunk + epg('acme/shop/cache', '{ domain: trunk }') + epg('acme/shop/new', '{ domain: trunk }');
    expect(problemsOf(anew, { more, table: { entries: [] } })).toEqual([]);
    const [problem, ...others] = texts(
      problemsOf(anew, { more, table: { entries: [entry(200, 'cache', 'trunk', 3)] } }),
    );
    expect(problem).toContain('endpoints of what rests of acme/shop/cache are attached by what it was');
    expect(others).toEqual([]);
  });
});

describe('a Fabric', () => {
  const apic =
    '---\nkind: Fabric\nmetadata: { name: main }\nspec: { driver: apic, controllers: ["https://192.0.2.9"], user: u, passwordFile: /p }\n';
  const unbound = epg('acme/shop/db') + epg('acme/shop/cache') + epg('acme/shop/edge');

  it('does not change its driver under the endpoints of its EPGs, nor while VLANs of it rest', () => {
    const found = (who: string): string =>
      `Fabric main spec.driver: found "apic" instead of "ovs-leaf", and endpoints of ${who} are on it by what it was; make another Fabric with Domains of its own and bind the EPGs to those, so that their instances are replaced one after the other`;
    expect(texts(problemsOf(apic))).toEqual([found('EPG acme/shop/cache, acme/shop/db, acme/shop/edge')]);
    const resting = { entries: [entry(100, 'db', 'wire', 3)] };
    expect(texts(problemsOf(apic, { more: unbound, table: resting }))).toEqual([found('what rests of acme/shop/db')]);
    expect(problemsOf(apic, { more: unbound, table: { entries: [] } })).toEqual([]);
  });

  it('changes what it is reached by at any time', () => {
    const changed = apic.replace('192.0.2.9', '192.0.2.10');
    expect(problemsOf(changed, { more: apic })).toEqual([]);
  });
});

describe('a VLAN at a port of a leaf', () => {
  const at = (vlan: number, group: string): string =>
    server('s1', `leaf: leaf1, port: e5, vlan: ${vlan}`, `epg: ${group}`);

  it('is none that another EPG has on the fabric', () => {
    expect(texts(problemsOf(at(200, 'web')))).toEqual([
      'Endpoint acme/shop/s1 spec.attachment.vlan: found 200, which EPG acme/shop/cache has in Fabric main; allowed is the VLAN of the EPG itself, or one that no other EPG has there or had until lately; one that is in no pool of that Fabric will be given to none',
    ]);
    expect(problemsOf(at(200, 'cache'))).toEqual([]);
    expect(problemsOf(at(20, 'web'))).toEqual([]);
    // In the pool, and given to nobody.
    expect(problemsOf(at(201, 'web'))).toEqual([]);
    const binding = '{ staticBindings: [{ leaf: leaf1, port: e5, vlan: 20 }, { leaf: leaf1, port: e6, vlan: 300 }] }';
    expect(texts(problemsOf(epg('acme/shop/web', binding)))[0]).toContain(
      'Epg acme/shop/web spec.staticBindings[1].vlan: found 300, which EPG acme/shop/edge has',
    );
  });

  it('of another tenant is refused without saying whose it is', () => {
    const more = `---\nkind: Tenant\nmetadata: { name: blue }\n`;
    const [problem] = problemsOf(epg('blue/shop/web', '{ staticBindings: [{ leaf: leaf1, port: e5, vlan: 200 }] }'), {
      more,
    });
    expect(problem?.message).toMatch(/^found 200, which an EPG of another tenant has in Fabric main; /);
  });

  it('is kept from other EPGs from then on', () => {
    const taken = { more: at(101, 'web') + wire('100-101') };
    expect(texts(problemsOf(epg('acme/shop/db2', '{ domain: wire }'), taken))[0]).toContain(
      '1 are in use at ports of leaves or by endpoints of other EPGs',
    );
  });
});

describe('the address of an endpoint that is written down', () => {
  const blocks = [{ vrf: 'acme/default', bridgeDomain: 'acme/default', block: '10.32.200.0/26', host: 'h1' }];

  it('is in no block of a host', () => {
    expect(texts(problemsOf(vm('vm1', 'epg: web'), { blocks }))).toEqual([
      'Endpoint acme/shop/vm1 spec.addresses[0]: found "10.32.200.1", which is in block 10.32.200.0/26 of host h1: a container there may have it at any moment; allowed is an address that is in no block, such as a high one of the subnet, or one of a bridge domain without containers',
    ]);
    expect(problemsOf(vm('vm1', 'epg: web'), { blocks: blocks.map((b) => ({ ...b, vrf: 'blue/default' })) })).toEqual(
      [],
    );
    expect(problemsOf(vm('vm1'), { blocks })).toEqual([]);
  });

  it('that is in one already keeps nobody from changing something else', () => {
    const more = vm('vm1', 'epg: web');
    expect(problemsOf(vm('vm2', 'epg: web').replace('10.32.200.2', '10.32.201.9'), { blocks, more })).toEqual([]);
  });
});

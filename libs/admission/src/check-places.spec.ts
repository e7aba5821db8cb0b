import { ACME, Cluster, refusal } from './testing/cluster';

const BLUE = ACME.replace('acme', 'blue');
const epg = (name: string, bindings = '', tenant = 'acme'): string =>
  `\n---\nkind: Epg\nmetadata: { tenant: ${tenant}, application: hall, name: ${name} }\nspec: { staticBindings: [${bindings}] }\n`;
const server = (number: number, of: string, place = 'leaf: leaf1, port: e1, vlan: 20', tenant = 'acme'): string => `
---
kind: Endpoint
metadata: { tenant: ${tenant}, application: hall, name: s${number} }
spec:
  endpointKind: baremetal
  mac: 52:54:00:00:00:0${number}
  addresses: [10.32.9.${number}]
  epg: ${of}
  attachment: { driver: static, ${place} }
`;
const AT = '{ leaf: leaf1, port: e1, vlan: 20 }';
const RULE =
  'a leaf knows by port and VLAN of which EPG a frame is: allowed is a VLAN or a port of its own for each EPG';

describe('a port of a leaf', () => {
  let cluster: Cluster;
  beforeEach(() => {
    cluster = new Cluster();
    cluster.apply(ACME + '---' + BLUE + epg('db') + epg('report') + epg('other', '', 'blue'));
  });
  const problemsOf = (text: string): string[] => refusal(() => cluster.apply(text)).problems;

  it('has in a VLAN the servers of one EPG only, any number of them', () => {
    cluster.apply(server(1, 'db') + server(2, 'db'));
    const found = 'found VLAN 20 at port e1 of leaf leaf1 for EPG';
    expect(problemsOf(server(3, 'report'))).toEqual([
      `Endpoint acme/hall/s1 spec.attachment.vlan: ${found} acme/hall/db, where Endpoint acme/hall/s3 of EPG acme/hall/report is in that VLAN; ${RULE}`,
      `Endpoint acme/hall/s2 spec.attachment.vlan: ${found} acme/hall/db, where Endpoint acme/hall/s3 of EPG acme/hall/report is in that VLAN; ${RULE}`,
      `Endpoint acme/hall/s3 spec.attachment.vlan: ${found} acme/hall/report, where Endpoint acme/hall/s1 of EPG acme/hall/db is in that VLAN; ${RULE}`,
    ]);
    cluster.apply(server(3, 'report', 'leaf: leaf1, port: e1, vlan: 21'));
    cluster.apply(server(3, 'report', 'leaf: leaf1, port: e2, vlan: 20'));
    cluster.apply(server(3, 'report', 'leaf: leaf2, port: e1, vlan: 20'));
  });

  it('has no server of another EPG than the one that is bound there', () => {
    cluster.apply(epg('db', AT) + server(1, 'db'));
    expect(problemsOf(server(1, 'report'))).toContainEqual(
      `Endpoint acme/hall/s1 spec.attachment.vlan: found VLAN 20 at port e1 of leaf leaf1 for EPG acme/hall/report, where EPG acme/hall/db has a static binding in that VLAN; ${RULE}`,
    );
    expect(problemsOf(epg('report', AT)).map((problem) => problem.split(':')[0])).toEqual([
      'Epg acme/hall/db spec.staticBindings[0].vlan',
      'Epg acme/hall/report spec.staticBindings[0].vlan',
      'Endpoint acme/hall/s1 spec.attachment.vlan',
    ]);
  });

  it('tells what is untagged apart by its MAC', () => {
    const untagged = 'leaf: leaf1, port: e1';
    cluster.apply(server(1, 'db', untagged) + server(2, 'report', untagged));
    cluster.apply(epg('report', '{ leaf: leaf1, port: e1 }'));
  });

  it('says nothing of whose it is to another tenant', () => {
    cluster.apply(server(1, 'db'));
    expect(problemsOf(server(2, 'other', 'leaf: leaf1, port: e1, vlan: 20', 'blue'))).toEqual([
      `Endpoint blue/hall/s2 spec.attachment.vlan: found VLAN 20 at port e1 of leaf leaf1 for EPG blue/hall/other, where an EPG of another tenant is in that VLAN; ${RULE}`,
    ]);
  });
});

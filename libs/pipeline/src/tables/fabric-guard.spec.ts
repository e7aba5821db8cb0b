import { GATEWAY_MAC, mac } from '../addresses';
import { computeFlows } from '../compute';
import { HOST, UPLINK, VLANS, local, macOf, packet, remote } from '../testing/fabric';
import { simulate } from '../testing/simulate';

const host = computeFlows(HOST);
const ROUTED = { eth_src: mac(GATEWAY_MAC) };
const arriving = (vlans: readonly number[], from: string, to: string, more = {}, flows = host) =>
  simulate(flows, { inPort: UPLINK, vlans, fields: packet(from, to, { ...ROUTED, ...more }) });

describe('what arrives from the fabric at a host', () => {
  it('is delivered untagged, with the class of its source, and routed by the leaf already', () => {
    const { outputs, path } = arriving([VLANS.web], '10.8.0.42', '10.7.0.11');
    expect(path).toEqual([
      'classify', 'fabric-guard', 'fabric-source', 'forward', 'conntrack', 'connection-state', 'contract', 'commit', 'output',
    ]); // prettier-ignore
    expect(outputs).toMatchObject([
      {
        port: 11,
        vlans: [],
        fields: { reg0: 18n, reg2: 16n, reg4: 1n, nw_ttl: 64n, eth_dst: mac(macOf('10.7.0.11')) },
      },
    ]);
  });

  it('passes the contract, like everything', () => {
    const resolved = new Map([...HOST.resolved].filter(([, e]) => e.type !== 'rule'));
    const flows = computeFlows({ ...HOST, resolved });
    expect(arriving([VLANS.web], '10.8.0.42', '10.7.0.11', {}, flows).reason).toBe('no-contract');
  });

  it.each<[string, readonly number[], string, string, object, string]>([
    ['in a VLAN that no EPG has here', [VLANS.api], '10.8.0.42', '10.7.0.11', {}, 'unknown-vlan'],
    ['untagged', [], '10.8.0.42', '10.7.0.11', {}, 'unknown-vlan'],
    ['with a priority only', [0], '10.8.0.42', '10.7.0.11', {}, 'unknown-vlan'],
    ['with a second tag', [VLANS.web, VLANS.web], '10.8.0.42', '10.7.0.11', {}, 'unknown-fabric-source'],
    ['from an address that nobody has', [VLANS.web], '10.8.0.99', '10.7.0.11', {}, 'unknown-fabric-source'],
    ['from an endpoint that is not on the fabric', [VLANS.web], '10.8.0.51', '10.7.0.11', {}, 'unknown-fabric-source'],
    ['from an endpoint of this host', [VLANS.web], '10.7.0.12', '10.7.0.11', {}, 'unknown-fabric-source'],
    ['as something else than IPv4', [VLANS.web], '10.8.0.42', '10.7.0.11', { eth_type: 0x0806n }, 'unknown-fabric-source'],
    ['in the VLAN of another EPG than its destination\'s', [VLANS.db], '10.8.0.42', '10.7.0.11', {}, 'vlan-mismatch'],
    ['for an endpoint that does not travel the fabric', [VLANS.web], '10.8.0.42', '10.8.0.14', {}, 'vlan-mismatch'],
    ['for nobody here', [VLANS.web], '10.8.0.42', '10.7.0.41', {}, 'no-destination'],
    ['for the gateway to route', [VLANS.web], '10.8.0.42', '10.7.0.11', { eth_dst: mac(GATEWAY_MAC) }, 'no-destination'],
    ['for an endpoint elsewhere', [VLANS.web], '10.8.0.42', '10.8.0.51', {}, 'no-destination'],
    ['for the host itself', [VLANS.web], '10.8.0.42', '169.254.1.1', {}, 'no-destination'],
  ])('ends when it comes %s', (_, vlans, from, to, more, reason) => {
    const outcome = arriving(vlans, from, to, more);
    expect(outcome.outputs).toEqual([]);
    expect(outcome.reason).toBe(reason);
  }); // prettier-ignore

  it('may come from every endpoint elsewhere where no tunnel ends', () => {
    const flows = computeFlows({ ...HOST, ports: {} });
    expect(arriving([VLANS.web], '10.8.0.51', '10.7.0.11', {}, flows).outputs).toMatchObject([{ port: 11 }]);
  });

  it('finds its source in the VRF of the VLAN', () => {
    const other = { uplink: { port: UPLINK, vlan: VLANS.other } };
    const flows = computeFlows({
      ...HOST,
      local: [...HOST.local, local('other', '10.7.0.11', 19, other)],
      remote: [...HOST.remote, remote('other', '10.8.0.42', '192.0.2.9', true)],
    });
    expect(arriving([VLANS.other], '10.8.0.42', '10.7.0.11', {}, flows).outputs).toMatchObject([
      { port: 19, fields: { reg0: 32n, reg2: 32n } },
    ]);
    expect(arriving([VLANS.web], '10.8.0.42', '10.7.0.11', {}, flows).outputs).toMatchObject([
      { port: 11, fields: { reg0: 18n, reg2: 16n } },
    ]);
  });
});

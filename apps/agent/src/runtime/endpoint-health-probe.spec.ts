import { attachedEndpoint } from '../testing/parts';
import { endpointHealthProbe } from './endpoint-health-probe';

const HEALTH = { type: 'tcp', port: 'http', path: '/', intervalSeconds: 5, timeoutSeconds: 1, failures: 3 } as const;
const MACVLAN = { uplink: 'eth2', mode: 'vepa', tagging: 'access', vlan: 200 } as const;

describe('endpointHealthProbe', () => {
  const probe = endpointHealthProbe(
    { check: async ({ linkIndex }, port) => ({ ok: true, detail: `link ${linkIndex} ${port}` }) },
    { check: async (sandbox, address, port) => ({ ok: true, detail: `${sandbox} ${address} ${port}` }) },
  );
  const check = async (change: object) => probe.check(attachedEndpoint('e1', '10.32.0.5', change), 80, HEALTH);

  it('goes over the link to the host, and from inside where there is none', async () => {
    expect(await check({})).toEqual({ ok: true, detail: 'link 1 80' });
    expect(await check({ macvlan: { ...MACVLAN, sandbox: '/ns' } })).toEqual({ ok: true, detail: '/ns 10.32.0.5 80' });
    expect((await check({ macvlan: MACVLAN })).ok).toBe(false);
  });
});

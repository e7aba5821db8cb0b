import { allocation } from '../testing/parts';
import { containerOf } from './container';

const PLACE = { host: 'h1', bridgeDomain: 'acme/default', address: '10.32.0.5', resolvConf: '/state/resolv/a.conf' };

describe('containerOf', () => {
  it('is on the network of its bridge domain, with its address, EPG and allocation', () => {
    const spec = containerOf(allocation('web-1'), PLACE);
    expect(spec).toMatchObject({
      name: 'acme.shop.web-1',
      hostname: 'web-1',
      image: 'heddle/demo',
      network: {
        name: 'heddle.acme.default',
        ipv4Address: '10.32.0.5',
        driverOpts: { 'heddle.epg': 'acme/shop/web', 'heddle.allocation': 'acme/shop/web-1' },
      },
      labels: {
        'heddle.allocation': 'acme/shop/web-1',
        'heddle.uid': 'uid-web-1',
        'heddle.epg': 'acme/shop/web',
        'heddle.host': 'h1',
      },
      mounts: [{ source: '/state/resolv/a.conf', target: '/etc/resolv.conf' }],
      resources: { cpu: 0.1, memoryBytes: 33_554_432, pids: 100 },
    });
  });

  it('has what the template says, and its own facts over variables of the same name', () => {
    const template = { command: ['sh'], args: ['-c'], user: '1000', env: { A: '1', HEDDLE_HOST: 'forged' } };
    expect(containerOf(allocation('web-1', { template }), PLACE)).toMatchObject({
      command: ['sh'],
      args: ['-c'],
      user: '1000',
      env: {
        A: '1',
        HEDDLE_HOST: 'h1',
        HEDDLE_ADDRESS: '10.32.0.5',
        HEDDLE_ALLOCATION: 'acme/shop/web-1',
        HEDDLE_SERVICE: 'acme/shop/web',
      },
    });
  });
});

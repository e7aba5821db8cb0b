import { holderCommand, learningBridge, partEnvironment, vsctlCommand } from './commands';
import { DEFAULT_ROOTS, LabLayout } from './layout';

const layout = new LabLayout(DEFAULT_ROOTS, 'demo').node('h1');

describe('commands', () => {
  it('enter a network namespace without mounting another /sys', () => {
    expect(holderCommand('demo-h1').slice(0, 4)).toEqual(['nsenter', '--net=/run/netns/demo-h1', '--', 'unshare']);
  });

  it('put several changes of a switch into one transaction', () => {
    expect(vsctlCommand(layout, ...learningBridge('br', { mac: '02:00:00:00:00:01' })).join(' ')).toBe(
      `ovs-vsctl --db=unix:${layout.ovsSocket} --timeout=10 -- --may-exist add-br br ` +
        '-- set bridge br datapath_type=netdev fail_mode=standalone other_config:hwaddr="02:00:00:00:00:01"',
    );
  });

  it('hand on nothing of the environment but our own settings and where programs are', () => {
    const outer = { PATH: '/opt/bin', HEDDLE_LOG: 'debug', DOCKER_HOST: 'tcp://elsewhere', HTTP_PROXY: 'http://proxy' };
    const environment = partEnvironment(layout, outer);
    expect(environment).toMatchObject({ HEDDLE_LOG: 'debug', OVS_RUNDIR: layout.ovsRun });
    expect(environment['PATH']).toMatch(/^\/opt\/bin:.*\/usr\/sbin/);
    expect(Object.keys(environment)).not.toEqual(expect.arrayContaining(['DOCKER_HOST']));
    expect(Object.keys(environment)).not.toEqual(expect.arrayContaining(['HTTP_PROXY']));
  });
});

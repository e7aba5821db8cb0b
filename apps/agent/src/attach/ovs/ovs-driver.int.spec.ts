import { inNetns, SystemIpCommand, SystemProcesses, type RunOptions } from '@heddle/host';
import { OvsDatabase, TestOvs } from '@heddle/ovs';
import { attachmentDriverContract } from '../../testing/attachment-driver-contract';
import { ovsDriverHarness } from '../../testing/ovs-driver-harness';
import { attachedEndpoint } from '../../testing/parts';
import { ensureBridge } from '../host-link';

const describeRoot = process.getuid?.() === 0 ? describe : describe.skip;
const BRIDGE = 'br0';

describeRoot('endpoints on a real switch', () => {
  const processes = new SystemProcesses();
  let ovs: TestOvs;
  let database: OvsDatabase;
  const ip = new SystemIpCommand({
    run: (argv: readonly string[], options?: RunOptions) => processes.run([...inNetns(ovs.netns), ...argv], options),
  });
  const make = () => ovsDriverHarness(ip, database, BRIDGE);

  beforeAll(async () => {
    ovs = await TestOvs.start();
    database = await OvsDatabase.connect({ socketPath: ovs.dbSocket });
    await ensureBridge(database, { bridge: BRIDGE, datapathType: 'netdev' });
  });
  afterAll(async () => {
    await database?.close();
    await ovs?.stop();
  });

  attachmentDriverContract('Open vSwitch', make);

  it('are given no flow by being attached', async () => {
    const { driver } = await make();
    const id = 'e'.repeat(64);
    const endpoint = attachedEndpoint(id, '10.32.0.5', { port: driver.portName(id) });
    await driver.attach(endpoint, { mtu: 1400 });
    const flows = await ovs.ofctl(BRIDGE, 'dump-flows');
    expect(flows.split('\n').filter((line) => line.includes('actions='))).toEqual([]);
    expect(await ovs.vsctl('get-fail-mode', BRIDGE)).toBe('secure\n');
    await driver.detach(endpoint);
  });
});

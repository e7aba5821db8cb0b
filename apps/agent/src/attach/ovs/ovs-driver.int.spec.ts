import { inNetns, SystemIpCommand, SystemProcesses, waitFor, type RunOptions } from '@heddle/host';
import { OvsDatabase, TestOvs } from '@heddle/ovs';
import { attachmentDriverContract } from '../../testing/attachment-driver-contract';
import { ovsDriverHarness } from '../../testing/ovs-driver-harness';
import { attachedEndpoint } from '../../testing/parts';
import type { AttachedInterface } from '../attachment-driver';
import { ensureBridge } from '../host-link';
import { portName } from './port-names';

const describeRoot = process.getuid?.() === 0 ? describe : describe.skip;
const BRIDGE = 'br0';
const ID = 'e'.repeat(64);

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

  const endpoint = attachedEndpoint(ID, '10.32.0.5', { port: portName(ID) });

  /** Resolves when a frame that the endpoint's interface sends arrives at the port that the switch is said to have for it. */
  async function expectHeard({ name, ofport }: AttachedInterface): Promise<void> {
    await ovs.ofctl(BRIDGE, 'add-flow', `in_port=${ofport},actions=drop`);
    await ip.batch([
      ['address', 'replace', '192.0.2.1/24', 'dev', name],
      ['link', 'set', 'dev', name, 'up'],
      ['neighbour', 'replace', '192.0.2.2', 'lladdr', '02:00:00:00:00:02', 'dev', name],
    ]);
    const heard = async (): Promise<boolean> => {
      // Nobody answers.
      await ovs.exec('sh', '-c', 'busybox ping -c 1 -W 1 192.0.2.2 || true');
      return /n_packets=[1-9]/.test(await ovs.exec('ovs-ofctl', '-O', 'OpenFlow14', 'dump-flows', socket()));
    };
    await waitFor(heard, { deadlineMs: 5_000, what: `the switch to hear ${name} at its port ${ofport}` });
    await ovs.ofctl(BRIDGE, 'del-flows');
  }
  const socket = (): string => `unix:${ovs.bridgeSocket(BRIDGE)}`;

  it('are given no flow by being attached', async () => {
    const { driver } = await make();
    await driver.attach(endpoint, { mtu: 1400 });
    const flows = await ovs.ofctl(BRIDGE, 'dump-flows');
    expect(flows.split('\n').filter((line) => line.includes('actions='))).toEqual([]);
    expect(await ovs.vsctl('get-fail-mode', BRIDGE)).toBe('secure\n');
    await driver.detach(endpoint);
  });

  it('are heard, also when they are attached again and after their device went', async () => {
    const { driver, loseDevice } = await make();
    await expectHeard(await driver.attach(endpoint, { mtu: 1400 }));
    await expectHeard(await driver.attach(endpoint, { mtu: 1400 }));
    await loseDevice(endpoint);
    await expectHeard(await driver.attach(endpoint, { mtu: 1400 }));
    await driver.detach(endpoint);
  });
});

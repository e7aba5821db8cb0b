import { canonicalFlow, flowKey, formatFlow, type Flow } from '@heddle/pipeline';
import { OvsDatabase } from '../ovsdb/database';
import { flowCatalogue, METER } from '../testing/flow-catalogue';
import { TestOvs } from '../testing/test-ovs';
import { OpenFlowClient } from './client';

const describeRoot = process.getuid?.() === 0 ? describe : describe.skip;
const BRIDGE = 'br0';

const byPlace = (a: Flow, b: Flow): number => (flowKey(a) < flowKey(b) ? -1 : 1);
const canonical = (flows: readonly Flow[]): Flow[] => flows.map(canonicalFlow).sort(byPlace);

describeRoot('flows on a real bridge', () => {
  let ovs: TestOvs;
  let client: OpenFlowClient;

  beforeAll(async () => {
    ovs = await TestOvs.start();
    const database = await OvsDatabase.connect({ socketPath: ovs.dbSocket });
    await database.ensureBridge({ name: BRIDGE, datapathType: 'netdev', failMode: 'secure' });
    await database.close();
    client = new OpenFlowClient({ socketPath: ovs.bridgeSocket(BRIDGE), meters: [METER] });
    await client.connect();
  });

  afterAll(async () => {
    await client?.close();
    await ovs?.stop();
  });

  beforeEach(async () => {
    await ovs.ofctl(BRIDGE, 'del-flows');
  });

  it('reads back what it installed, for every kind of flow', async () => {
    const flows = flowCatalogue();
    await client.applyBundle({ add: flows, modify: [], remove: [] });
    expect(canonical(await client.dumpFlows())).toEqual(canonical(flows));
  });

  it('reads what ovs-ofctl installed from the text of the same flows', async () => {
    const flows = flowCatalogue();
    for (const flow of flows) await ovs.ofctl(BRIDGE, 'add-flow', formatFlow(flow));
    expect(canonical(await client.dumpFlows())).toEqual(canonical(flows));
  });

  it('writes flows as ovs-ofctl does', async () => {
    const flows = flowCatalogue();
    await client.applyBundle({ add: flows, modify: [], remove: [] });
    const dumped = (await ovs.ofctl(BRIDGE, 'dump-flows')).trim().split('\n');
    const normal = (line: string): string =>
      line.trim().replaceAll(', ', ',').replace('table=0,', '').replace('cookie=0,', '');
    expect(flows.map((flow) => normal(formatFlow(flow))).sort()).toEqual(
      dumped.map((line) => normal(line).replace('cookie=0x0,', '')).sort(),
    );
  });

  it('removes every kind of flow', async () => {
    const flows = flowCatalogue();
    await client.applyBundle({ add: flows, modify: [], remove: [] });
    await client.applyBundle({ add: [], modify: [], remove: await client.dumpFlows() });
    expect(await client.dumpFlows()).toEqual([]);
  });
});

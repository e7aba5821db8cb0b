import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { HeddleError } from '@heddle/model';
import {
  computeFlows,
  diffFlows,
  DROP_COOKIES,
  dropReasonOf,
  isOurs,
  SIGHTING_METER,
  type DatapathSnapshot,
  type FlowChange,
  type FlowStats,
} from '@heddle/pipeline';
import type { FlowFilter } from '../openflow/codec/multipart';
import { OpenFlowSwitch } from '../openflow/openflow-switch';
import { OvsDatabase } from '../ovsdb/database';
import type { PortSpec } from '../ovsdb/operations';
import { UnixctlClient } from '../unixctl/client';
import { TestOvs } from './test-ovs';
import { silence } from './test-station';

const run = promisify(execFile);

export const BRIDGE = 'br-heddle';
const UNDERLAY_BRIDGE = 'bu';
const TUNNEL_PORT = 'vxlan';

/** A host or leaf as far as its datapath goes: a switch of its own with the bridge that our flows are for. */
export class TestNode {
  private constructor(
    readonly ovs: TestOvs,
    readonly database: OvsDatabase,
    readonly bridge: OpenFlowSwitch,
    readonly unixctl: UnixctlClient,
  ) {}

  static async start(): Promise<TestNode> {
    const ovs = await TestOvs.start();
    await silence(ovs.netns);
    const database = await OvsDatabase.connect({ socketPath: ovs.dbSocket });
    await database.ensureBridge({ name: BRIDGE, datapathType: 'netdev', failMode: 'secure' });
    const bridge = new OpenFlowSwitch({
      socketPath: ovs.bridgeSocket(BRIDGE),
      packetIns: true,
      meters: [SIGHTING_METER],
    });
    await bridge.client.connect();
    return new TestNode(ovs, database, bridge, new UnixctlClient({ rundir: ovs.rundir }));
  }

  get netns(): string {
    return this.ovs.netns;
  }

  /** Makes an interface of the namespace a port of the bridge; returns its number. */
  async addPort(name: string): Promise<number> {
    return this.port({ name, type: '' });
  }

  /** Gives the switch an address in the underlay, by these interfaces of the namespace. */
  async joinUnderlay(cidr: string, ...interfaces: string[]): Promise<void> {
    await this.database.ensureBridge({ name: UNDERLAY_BRIDGE, datapathType: 'netdev' });
    for (const name of interfaces) await this.database.ensurePort({ bridge: UNDERLAY_BRIDGE, name, type: '' });
    await this.ovs.exec('ip', 'address', 'add', cidr, 'dev', UNDERLAY_BRIDGE);
    await this.ovs.exec('ip', 'link', 'set', UNDERLAY_BRIDGE, 'up');
  }

  /** The port of the bridge that tunnels end at; returns its number. */
  async addTunnel(): Promise<number> {
    return this.port({ name: TUNNEL_PORT, type: 'vxlan', options: { remote_ip: 'flow', key: 'flow' } });
  }

  /** Makes the flows of the bridge those of a snapshot; returns what had to change. */
  async program(snapshot: DatapathSnapshot): Promise<FlowChange> {
    const reported = { ...snapshot, sightings: this.bridge.meters.has(SIGHTING_METER.id) };
    const actual = await this.bridge.dump();
    const change = diffFlows(actual, computeFlows(reported), (flow) => isOurs(flow.cookie));
    await this.bridge.apply(change);
    return change;
  }

  /** Flows with counters that are up to date. */
  async flows(filter: FlowFilter = {}): Promise<FlowStats[]> {
    await this.unixctl.purgeRevalidator();
    return this.bridge.dump(filter);
  }

  /** How many packets were dropped so far, by reason. */
  async drops(): Promise<Record<string, number>> {
    const drops: Record<string, number> = {};
    for (const { cookie, packets } of await this.flows(DROP_COOKIES)) {
      const reason = dropReasonOf(cookie);
      if (reason !== undefined) drops[reason] = (drops[reason] ?? 0) + Number(packets);
    }
    return drops;
  }

  private async port(spec: Omit<PortSpec, 'bridge'>): Promise<number> {
    const { ofport } = await this.database.ensurePort({ bridge: BRIDGE, ...spec });
    if (ofport === undefined) throw new HeddleError('unavailable', `the switch gave ${spec.name} no port number`);
    return ofport;
  }

  async stop(): Promise<void> {
    await this.unixctl.close();
    await this.bridge.close();
    await this.database.close();
    await this.ovs.stop();
  }
}

/** One end of a cable: the namespace, and the name of the interface there. */
export interface CableEnd {
  readonly netns: string;
  readonly name: string;
}

/** Joins two namespaces. @param mtu bytes; 1504 carries tagged frames of a full 1500 */
export async function cable(a: CableEnd, b: CableEnd, mtu: number): Promise<void> {
  await run('ip', ['-n', a.netns, 'link', 'add', a.name, 'type', 'veth', 'peer', 'name', b.name, 'netns', b.netns]);
  for (const { netns, name } of [a, b])
    await run('ip', ['-n', netns, 'link', 'set', 'dev', name, 'mtu', String(mtu), 'up']);
}

import { FakeFiles, systemClock, waitFor, type Files } from '@heddle/host';
import { MemoryBus, MemoryStore, type StorePort } from '@heddle/messaging';
import { silentLog } from '@heddle/service';
import type { BrokerUsers } from '../credentials/broker-users';
import { startGateway, type RunningGateway } from '../start-gateway';
import { ApiClient } from './api-client';
import { FakeOwners } from './fake-owners';

export interface TestGatewayOptions {
  readonly hub?: MemoryBus['hub'];
  readonly store?: StorePort;
  readonly files?: Files;
  readonly brokerUsers?: BrokerUsers;
  readonly name?: string;
  /** Whether to wait until it coordinates changes. Default true. */
  readonly leading?: boolean;
}

/** A whole gateway on an in-memory bus and store, reached over real HTTP. */
export class TestGateway {
  private constructor(
    readonly running: RunningGateway,
    readonly bus: MemoryBus,
    readonly store: StorePort,
    readonly files: Files,
    readonly token: string,
  ) {}

  static async start(options: TestGatewayOptions = {}): Promise<TestGateway> {
    const { store = new MemoryStore(), files = new FakeFiles(), name = 'gateway@test' } = options;
    const bus = new MemoryBus({ name, ...(options.hub === undefined ? {} : { hub: options.hub }) });
    const running = await startGateway({
      bus,
      store,
      log: silentLog(),
      clock: systemClock,
      files,
      stateDir: '/state',
      api: { host: '127.0.0.1', port: 0 },
      leaseMs: 2_000,
      ...(options.brokerUsers === undefined ? {} : { brokerUsers: options.brokerUsers }),
    });
    const token = (await files.readText(running.adminTokenFile))?.trim() ?? '';
    const gateway = new TestGateway(running, bus, store, files, token);
    if (options.leading !== false) await gateway.whenLeading();
    return gateway;
  }

  get url(): string {
    return this.running.url;
  }

  get hub(): MemoryBus['hub'] {
    return this.bus.hub;
  }

  /** Requests with the administrator's token, or with another one. */
  api(token: string = this.token): ApiClient {
    return new ApiClient(this.url, token);
  }

  async whenLeading(): Promise<void> {
    await waitFor(async () => (await this.readiness('coordinator')) === true, {
      deadlineMs: 20_000,
      what: 'the gateway to coordinate changes',
    });
  }

  /** `true`, or why a condition does not hold. */
  async readiness(name: string): Promise<true | string> {
    const { checks } = await this.running.readiness.report();
    const found = checks.find((check) => check.name === name);
    return found?.ready === true ? true : (found?.reason ?? 'no such check');
  }

  async stop(): Promise<void> {
    await this.running.stop(1_000);
    await this.bus.close();
  }
}

/** A gateway together with owners that agree to everything. */
export async function startWithOwners(
  options: TestGatewayOptions = {},
): Promise<{ gateway: TestGateway; owners: FakeOwners }> {
  const gateway = await TestGateway.start(options);
  return { gateway, owners: new FakeOwners(gateway.hub) };
}

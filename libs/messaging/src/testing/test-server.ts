import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connectBus, type ConnectOptions, type NatsBus } from '../nats/connect-bus';
import { findProgram, NatsServer, type NatsServerOptions } from '../nats/nats-server';

/** Whether tests with a real nats-server can run on this machine. */
export const hasNatsServer = findProgram('nats-server') !== undefined;

/** A nats-server with a store of its own in a temporary folder, for tests; everything goes with `dispose`. */
export class TestServer {
  private readonly buses: NatsBus[] = [];

  private constructor(
    private readonly folder: string,
    readonly server: NatsServer,
  ) {}

  static async start(options: Partial<NatsServerOptions> = {}): Promise<TestServer> {
    const folder = await mkdtemp(path.join(tmpdir(), 'heddle-nats-'));
    return new TestServer(folder, await NatsServer.start({ storeDir: path.join(folder, 'store'), ...options }));
  }

  async connect(options: Partial<ConnectOptions> = {}): Promise<NatsBus> {
    const bus = await connectBus({ servers: this.server.url, name: 'test', ...options });
    this.buses.push(bus);
    return bus;
  }

  /** Kills the server as a crash would, and starts it again. `meanwhile` runs while it is away. */
  async crash(meanwhile: () => void | Promise<void> = () => undefined): Promise<void> {
    await this.server.kill();
    await meanwhile();
    await this.server.start();
  }

  /** Copies the store as it is on the disk now; call it while the server is down. */
  async backUp(name: string): Promise<void> {
    await cp(this.jetstream, path.join(this.folder, name), { recursive: true });
  }

  /** Puts an older copy in the place of the store; without a name, nothing. Call it while the server is down. */
  async restore(name?: string): Promise<void> {
    await rm(this.jetstream, { recursive: true, force: true });
    if (name !== undefined) await cp(path.join(this.folder, name), this.jetstream, { recursive: true });
  }

  async dispose(): Promise<void> {
    await Promise.all(this.buses.map((bus) => bus.close()));
    await this.server.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  private get jetstream(): string {
    return path.join(this.folder, 'store', 'jetstream');
  }
}

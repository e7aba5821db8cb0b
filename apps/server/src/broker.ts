import path from 'node:path';
import type { Files } from '@heddle/host';
import { externalBroker, type BrokerCredentials, type BrokerUsers } from '@heddle/gateway';
import {
  connectBus,
  createUser,
  NatsServer,
  publicKeyOf,
  type NatsBus,
  type NatsServerOptions,
  type ServerExit,
} from '@heddle/messaging';
import { HeddleError } from '@heddle/model';
import { readSeed, Readiness, type Log } from '@heddle/service';
import * as z from 'zod';
import type { ServerConfig } from './settings';

type NatsUser = NonNullable<NatsServerOptions['users']>[number];

/** The NATS server that the services talk over: our own child, or somebody else's. */
export interface Broker {
  readonly users: BrokerUsers;
  /** Whether the server is there, as far as this process is responsible for that. */
  readonly readiness: Readiness;
  /** A connection of its own for one service. */
  connect(name: string): Promise<NatsBus>;
  stop(): Promise<void>;
}

const usersSchema = z.strictObject({
  /** Seed of the control plane's own user. */
  serverSeed: z.string(),
  /** Public keys by host. The seeds are with the hosts alone. */
  hosts: z.record(z.string(), z.string()),
});
type Users = z.infer<typeof usersSchema>;

/** Lines of the server's log that matter to us. */
const TROUBLE = /\[(ERR|FTL|WRN)\]/;
/** A line of its log begins with the process and the time. */
const LOGGED = /^\[\d+\] \d{4}\//;
const MOST_WORDS = 20;
const CONNECT_MS = 15_000;

export async function openBroker(config: ServerConfig, files: Files, log: Log): Promise<Broker> {
  return config.natsUrl === undefined
    ? embeddedBroker(config, files, log)
    : externalServer(config, config.natsUrl, files);
}

async function externalServer(config: ServerConfig, url: string, files: Files): Promise<Broker> {
  const seed = await readSeed(config.natsSeedFile, files);
  const servers = url.split(',');
  return {
    users: externalBroker,
    readiness: new Readiness(),
    connect: (name) =>
      connectBus({
        servers,
        name,
        replicas: config.natsReplicas,
        connectMs: CONNECT_MS,
        ...(seed === undefined ? {} : { seed }),
      }),
    stop: async () => undefined,
  };
}

async function embeddedBroker(config: ServerConfig, files: Files, log: Log): Promise<Broker> {
  const users = await EmbeddedUsers.open(files, path.join(config.stateDir, 'nats-users.json'));
  const server = await NatsServer.start({
    storeDir: path.join(config.stateDir, 'nats'),
    host: config.natsHost,
    ...(config.natsPort === 0 ? {} : { port: config.natsPort }),
    users: users.all(),
    restart: true,
    onLog: (line) => (TROUBLE.test(line) ? log.warn({ line }, 'nats-server') : log.trace({ line }, 'nats-server')),
  });
  users.attach(server, config.natsAdvertise === undefined ? server.url : `nats://${config.natsAdvertise}`);
  server.onExit((exit) => {
    if (exit.wanted) return;
    const { code, signal } = exit;
    log.error({ code, signal, output: lastWords(exit) }, 'nats-server has ended; it is started again');
  });
  const readiness = new Readiness();
  readiness.add('server', () => (server.running ? true : 'nats-server has ended and is being started again'));
  log.info({ url: server.url, version: server.version.text, pid: server.pid }, 'nats-server runs');
  return {
    users,
    readiness,
    connect: (name) => connectBus({ servers: server.url, name, seed: users.serverSeed, connectMs: CONNECT_MS }),
    stop: () => server.stop(),
  };
}

/** What the server said outside its log when it ended, such as a panic and where it happened. */
function lastWords({ log }: ServerExit): string[] {
  return log.filter((line) => line.trim() !== '' && !LOGGED.test(line)).slice(0, MOST_WORDS);
}

/**
 * The users of our own NATS server. Their public keys are kept in a file of this machine, from which the server's
 * configuration is written anew at every start and change.
 */
export class EmbeddedUsers implements BrokerUsers {
  private server: Pick<NatsServer, 'setUsers'> | undefined;
  private address = '';
  /** Changes follow one another. */
  private turn: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly files: Files,
    private readonly file: string,
    private users: Users,
  ) {}

  static async open(files: Files, file: string): Promise<EmbeddedUsers> {
    const json = await files.readJson(file);
    if (json === undefined) {
      const users = new EmbeddedUsers(files, file, { serverSeed: createUser().seed, hosts: {} });
      await users.save();
      return users;
    }
    const parsed = usersSchema.safeParse(json);
    if (parsed.success) return new EmbeddedUsers(files, file, parsed.data);
    throw new HeddleError(
      'state',
      `${file} is not what this program wrote; put its copy back, or remove it and give every host new credentials`,
    );
  }

  /** Gives the server that reads what is changed here from now on, and the address that hosts use. */
  attach(server: Pick<NatsServer, 'setUsers'>, address: string): void {
    this.server = server;
    this.address = address;
  }

  get serverSeed(): string {
    return this.users.serverSeed;
  }

  all(): NatsUser[] {
    return [
      { publicKey: publicKeyOf(this.users.serverSeed), role: 'server' },
      ...Object.entries(this.users.hosts).map(([host, publicKey]) => ({ publicKey, role: { host } })),
    ];
  }

  createForHost(host: string): Promise<BrokerCredentials> {
    const work = this.turn.then(() => this.create(host));
    this.turn = work.catch(() => undefined);
    return work;
  }

  private async create(host: string): Promise<BrokerCredentials> {
    const { server } = this;
    if (!server) throw new HeddleError('unavailable', 'the NATS server is still starting');
    const before = this.users;
    const { publicKey, seed } = createUser();
    this.users = { ...before, hosts: { ...before.hosts, [host]: publicKey } };
    try {
      await server.setUsers(this.all());
      await this.save();
    } catch (error) {
      this.users = before;
      throw error;
    }
    return { servers: [this.address], seed };
  }

  private save(): Promise<void> {
    return this.files.writeAtomic(this.file, `${JSON.stringify(this.users, undefined, 2)}\n`, { mode: 0o600 });
  }
}

import { HeddleError } from '@heddle/model';
import { permissionsFor, type UserPermissions, type UserRole } from '../permissions';

export interface NatsUser {
  /** `U...` */
  readonly publicKey: string;
  readonly role: UserRole;
}

export interface ServerConfig {
  /** Unique, so that a client can tell this server from another one on the same port. */
  readonly serverName: string;
  readonly host: string;
  /** -1: any free one. */
  readonly port: number;
  readonly storeDir: string;
  /** Where the server writes the port that it chose. */
  readonly portsDir: string;
  readonly maxPayload: number;
  /** `undefined`: everybody may do everything. For tests on the loopback interface only. */
  readonly users: readonly NatsUser[] | undefined;
  /** The server's version, for settings that older ones refuse to start with. */
  readonly version: ServerVersion;
}

export interface ServerVersion {
  readonly major: number;
  readonly minor: number;
  readonly text: string;
}

/** Reads `nats-server: v2.9.10`. */
export function parseVersion(output: string): ServerVersion {
  const match = /v(\d+)\.(\d+)\.\d+\S*/.exec(output);
  if (!match) throw new HeddleError('internal', `cannot read the version of nats-server from "${output.trim()}"`);
  return { major: Number(match[1]), minor: Number(match[2]), text: match[0].slice(1) };
}

/** `jetstream.sync_interval` was added in 2.10.0. */
export function knowsSyncInterval({ major, minor }: ServerVersion): boolean {
  return major > 2 || (major === 2 && minor >= 10);
}

const SYNCED = `# Every write is on the disk before it is acknowledged (sync_interval: always), so an acknowledged write
# survives the loss of power as well as the end of the process.`;
const UNSYNCED = `# This version has no sync_interval: writes reach the disk every two minutes. An acknowledged write survives
# the end of the process (kill -9), not the loss of power or a crash of the kernel. 2.10 and later can do both.`;

/** The server's configuration file. NATS reads JSON, and comments beside it. */
export function serverConfig(config: ServerConfig): string {
  const { serverName, host, port, storeDir, portsDir, maxPayload, users, version } = config;
  const synced = knowsSyncInterval(version);
  const settings = {
    server_name: serverName,
    host,
    port,
    ...(port === -1 ? { ports_file_dir: portsDir } : {}),
    max_payload: maxPayload,
    // A client that is silently gone is noticed after about half a minute.
    ping_interval: '10s',
    ping_max: 2,
    jetstream: { store_dir: storeDir, ...(synced ? { sync_interval: 'always' } : {}) },
    ...(users === undefined ? {} : { authorization: { users: users.map(userEntry) } }),
  };
  return [
    '# Written by Heddle; changes are lost. There is no monitoring port.',
    synced ? SYNCED : UNSYNCED,
    JSON.stringify(settings, undefined, 2),
    '',
  ].join('\n');
}

function userEntry(user: NatsUser): { nkey: string; permissions: UserPermissions } {
  if (!/^U[A-Z2-7]{55}$/.test(user.publicKey)) {
    throw new HeddleError(
      'invalid',
      `found "${user.publicKey}" as public key of a NATS user; expected is U and 55 characters`,
    );
  }
  return { nkey: user.publicKey, permissions: permissionsFor(user.role) };
}

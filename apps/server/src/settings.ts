import { homedir } from 'node:os';
import path from 'node:path';
import { flag, LOG_SETTING, natsUrlText, portText, type LogLevels, type Settings } from '@heddle/service';
import * as z from 'zod';

export interface ServerConfig {
  readonly stateDir: string;
  readonly runDir: string;
  readonly apiSocket?: string | undefined;
  readonly apiHost: string;
  readonly apiPort: number;
  readonly natsHost: string;
  readonly natsPort: number;
  readonly natsAdvertise?: string | undefined;
  readonly natsUrl?: string | undefined;
  readonly natsSeedFile?: string | undefined;
  readonly natsReplicas: number;
  readonly lab: boolean;
  readonly logLevels: LogLevels;
}

const folder = (byDefault: string): z.ZodType<string> =>
  z
    .string()
    .min(1)
    .default(byDefault)
    .transform((text) => path.resolve(text));

const optional = z.string().min(1).optional();

/** The system's folders for root, the user's own for everybody else. */
function folders(env: Readonly<Record<string, string | undefined>>, root: boolean): { state: string; run: string } {
  if (root) return { state: '/var/lib/heddle', run: '/run/heddle' };
  const state = path.join(env['XDG_STATE_HOME'] ?? path.join(homedir(), '.local', 'state'), 'heddle');
  return { state, run: path.join(env['XDG_RUNTIME_DIR'] ?? state, env['XDG_RUNTIME_DIR'] ? 'heddle' : 'run') };
}

export function serverSettings(
  env: Readonly<Record<string, string | undefined>> = process.env,
  root: boolean = process.getuid?.() === 0,
): Settings<ServerConfig> {
  const { state, run } = folders(env, root);
  return {
    stateDir: {
      arg: 'state-dir',
      env: 'HEDDLE_STATE_DIR',
      help: `what has to be kept: the store, tokens, what was seen (default ${state})`,
      schema: folder(state),
    },
    runDir: {
      arg: 'run-dir',
      env: 'HEDDLE_RUN_DIR',
      help: `where api.json says how the API is reached (default ${run})`,
      schema: folder(run),
    },
    apiSocket: {
      arg: 'api-socket',
      env: 'HEDDLE_API_SOCKET',
      help: 'a Unix socket that offers the API too',
      schema: optional.refine((text) => text === undefined || Buffer.byteLength(text) <= 107, {
        error: 'is longer than 107 bytes, which is the most that a Unix socket takes; choose a shorter path',
      }),
    },
    apiHost: {
      arg: 'api-host',
      env: 'HEDDLE_API_HOST',
      help: 'address of the API (default 127.0.0.1: nobody from outside)',
      schema: z.string().min(1).default('127.0.0.1'),
    },
    apiPort: {
      arg: 'api-port',
      env: 'HEDDLE_API_PORT',
      help: 'port of the API (default 4280; 0: any free one)',
      schema: portText(4280),
    },
    natsHost: {
      arg: 'nats-host',
      env: 'HEDDLE_NATS_HOST',
      help: 'address of the embedded NATS server (default 127.0.0.1: no hosts but this one)',
      schema: z.string().min(1).default('127.0.0.1'),
    },
    natsPort: {
      arg: 'nats-port',
      env: 'HEDDLE_NATS_PORT',
      help: 'port of the embedded NATS server (default 4222; 0: any free one)',
      schema: portText(4222),
    },
    natsAdvertise: {
      arg: 'nats-advertise',
      env: 'HEDDLE_NATS_ADVERTISE',
      help: 'HOST:PORT by which hosts reach the embedded NATS server, where that is another one',
      schema: optional,
    },
    natsUrl: {
      arg: 'nats-url',
      env: 'HEDDLE_NATS_URL',
      help: 'address of a NATS server that runs already; none is embedded then',
      schema: natsUrlText.optional(),
    },
    natsSeedFile: {
      arg: 'nats-seed-file',
      env: 'HEDDLE_NATS_SEED_FILE',
      help: 'file with the seed of our user at that server',
      schema: optional,
    },
    natsReplicas: {
      arg: 'nats-replicas',
      env: 'HEDDLE_NATS_REPLICAS',
      help: 'copies of every stream at that server: 1, or 3 in a cluster',
      schema: z.enum(['1', '3', '5']).default('1').transform(Number),
    },
    lab: {
      arg: 'lab',
      env: 'HEDDLE_LAB',
      flag: true,
      help: 'for a lab on one machine: leases are short, so that a killed part is replaced soon',
      schema: flag,
    },
    logLevels: LOG_SETTING,
  };
}

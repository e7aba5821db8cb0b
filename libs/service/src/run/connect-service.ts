import { SystemFiles, systemClock, type Files } from '@heddle/host';
import { connectBus, type NatsBus } from '@heddle/messaging';
import { HeddleError } from '@heddle/model';
import * as z from 'zod';
import { natsUrlText } from '../config/common-settings';
import type { Settings } from '../config/settings';
import { serviceLog, type Log, type LogLevels } from '../logging/log';
import type { ServiceDeps } from './service';

/** How a program of the control plane reaches NATS. */
export interface NatsConfig {
  readonly natsUrl: string;
  readonly natsSeedFile?: string | undefined;
  readonly natsReplicas: number;
}

export const natsSettings: Settings<NatsConfig> = {
  natsUrl: {
    arg: 'nats-url',
    env: 'HEDDLE_NATS_URL',
    help: 'address of NATS; several servers of one cluster with commas',
    schema: natsUrlText,
  },
  natsSeedFile: {
    arg: 'nats-seed-file',
    env: 'HEDDLE_NATS_SEED_FILE',
    help: "file with the seed of this program's NATS user",
    schema: z.string().min(1).optional(),
  },
  natsReplicas: {
    arg: 'nats-replicas',
    env: 'HEDDLE_NATS_REPLICAS',
    help: 'copies of every stream: 1 on a single server, 3 in a cluster',
    schema: z.enum(['1', '3', '5']).default('1').transform(Number),
  },
};

/** Milliseconds between two lines of the log about a server that cannot be reached. */
const PATIENCE_MS = 10_000;

/** Reads a seed. @throws HeddleError `not-found` */
export async function readSeed(
  file: string | undefined,
  files: Files = new SystemFiles(),
): Promise<string | undefined> {
  if (file === undefined) return undefined;
  const text = await files.readText(file);
  if (text === undefined)
    throw new HeddleError('not-found', `there is no file ${file}; expected is the seed of a NATS user`);
  return text.trim();
}

/** A bus for one service. It connects in the background, and again whenever the connection is lost. */
export async function openBus(name: string, config: NatsConfig, files?: Files): Promise<NatsBus> {
  const seed = await readSeed(config.natsSeedFile, files);
  return connectBus({
    servers: config.natsUrl.split(','),
    name,
    replicas: config.natsReplicas,
    connectMs: 0,
    ...(seed === undefined ? {} : { seed }),
  });
}

/** Waits for the first connection for as long as it takes, or until the signal aborts; the log says what it waits for. */
export async function untilConnected(bus: NatsBus, log: Log, signal: AbortSignal): Promise<void> {
  for (;;) {
    try {
      await bus.whenConnected(PATIENCE_MS, signal);
      return;
    } catch (error) {
      if (signal.aborted || !HeddleError.from(error).retryable) throw error;
      log.warn({ err: error }, 'waiting for NATS');
    }
  }
}

/** What a service gets from a bus of its own. */
export const depsOf = (name: string, bus: NatsBus, log: Log, levels: LogLevels): ServiceDeps => ({
  bus,
  store: bus.store,
  log: serviceLog(log, name, levels),
  clock: systemClock,
});

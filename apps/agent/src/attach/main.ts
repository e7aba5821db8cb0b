import { ForkServer, SystemFiles, SystemIpCommand, SystemNftCommand } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import { readHostConfig } from '../config';
import { AttachDaemon, type AttachPorts } from './daemon';

/** The attach daemon has few dependencies on purpose: it must start before everything else, and stay small. */
const DEFAULT_CONFIG = '/etc/heddle/host.json';
const STOP_GRACE_MS = 3_000;

const log: AttachPorts['log'] = (level, message, fields = {}) => {
  process.stderr.write(
    `${JSON.stringify({ level, time: new Date().toISOString(), part: 'attach', ...fields, msg: message })}\n`,
  );
};

function configFile(argv: readonly string[]): string {
  const at = argv.indexOf('--config');
  return (at >= 0 ? argv[at + 1] : undefined) ?? process.env['HEDDLE_HOST_CONFIG'] ?? DEFAULT_CONFIG;
}

async function main(): Promise<void> {
  const config = readHostConfig(configFile(process.argv.slice(2)));
  // Its commands are what a container's start waits for.
  const commands = new ForkServer();
  const daemon = await AttachDaemon.start(config, {
    files: new SystemFiles(),
    ip: new SystemIpCommand(commands),
    nft: new SystemNftCommand(commands),
    commands,
    log,
  });
  const stop = (signal: string): void => {
    log('info', `${signal}: stopping; what is attached stays attached`);
    setTimeout(() => process.exit(1), STOP_GRACE_MS).unref();
    const stopped = daemon.stop().then(() => commands.close());
    stopped.then(
      () => process.exit(0),
      (error: unknown) => {
        log('error', `stopping: ${HeddleError.from(error).message}`);
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', () => stop('SIGTERM'));
  process.on('SIGINT', () => stop('SIGINT'));
}

main().catch((error: unknown) => {
  log('error', `cannot start: ${HeddleError.from(error).message}`);
  process.exit(1);
});

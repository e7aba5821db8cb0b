import path from 'node:path';
import { HeddleError } from '@heddle/model';

/** One of Heddle's own long-running programs, and the command that stands for it. */
export interface DaemonCommand {
  /** The words that name it. */
  readonly words: readonly string[];
  readonly description: string;
  /** Its program below the folder of the applications. */
  readonly program: readonly string[];
  /** Whether it is to be small rather than fast at what takes long: every host has one, beside the containers it is for. */
  readonly small: boolean;
}

const ATTACH: DaemonCommand = {
  words: ['agent', 'attach'],
  description: "run a host's attach daemon: network plugin and container DNS",
  program: ['agent', 'dist', 'attach.js'],
  small: true,
};
const AGENT: DaemonCommand = {
  words: ['agent'],
  description: 'run the agent of a host; "agent attach" runs the attach daemon',
  program: ['agent', 'dist', 'main.js'],
  small: true,
};
const SERVER: DaemonCommand = {
  words: ['server'],
  description: 'run the control plane: all services in one process',
  program: ['server', 'dist', 'main.js'],
  small: false,
};

export const DAEMON = { attach: ATTACH, agent: AGENT, server: SERVER } as const;

/** Those with more words first, so that `agent attach` is not taken for `agent`. */
export const DAEMONS: readonly DaemonCommand[] = [ATTACH, AGENT, SERVER];

/** The daemon that a command line names, with the arguments that are its own business. */
export function daemonOf(
  argv: readonly string[],
): { readonly daemon: DaemonCommand; readonly args: readonly string[] } | undefined {
  const daemon = DAEMONS.find(({ words }) => words.every((word, i) => argv[i] === word));
  return daemon && { daemon, args: argv.slice(daemon.words.length) };
}

export const programOf = (daemon: DaemonCommand, appsFolder: string): string =>
  path.join(appsFolder, ...daemon.program);

/**
 * Little of what a small daemon makes is short-lived, so a semi-space is kept to a megabyte, and with it the young generation
 * to about three; and its threads, which hardly ever run at one time, share one arena of the C library.
 */
const SMALL_NODE = [
  ...['/usr/bin/env', 'MALLOC_ARENA_MAX=1', process.execPath],
  ...['--max-semi-space-size=1', '--optimize-for-size'],
];

/**
 * The command that runs a daemon, as an argument vector with absolute paths.
 * @param appsFolder with the built applications: `server/dist/main.js` and so on
 */
export const daemonArgv = (daemon: DaemonCommand, appsFolder: string): string[] => [
  ...(daemon.small ? SMALL_NODE : [process.execPath]),
  programOf(daemon, appsFolder),
];

/** @throws HeddleError `state` when a daemon is not built */
export function checkBuilt(
  daemons: readonly DaemonCommand[],
  appsFolder: string,
  exists: (file: string) => boolean,
): void {
  const missing = daemons.map((daemon) => programOf(daemon, appsFolder)).filter((file) => !exists(file));
  if (missing.length === 0) return;
  throw new HeddleError('state', `${missing.join(', ')}: not there, run npm run build first`);
}

import path from 'node:path';
import { HeddleError } from '@heddle/model';

/** A command that stands for one of Heddle's own long-running programs. */
export interface DaemonCommand {
  /** The words that name it. */
  readonly words: readonly string[];
  readonly description: string;
  /** Its program below the folder of the applications. */
  readonly program: readonly string[];
}

/** Those with more words first, so that `agent attach` is not taken for `agent`. */
export const DAEMONS: readonly DaemonCommand[] = [
  {
    words: ['agent', 'attach'],
    description: "run a host's attach daemon: network plugin and container DNS",
    program: ['agent', 'dist', 'attach.js'],
  },
  {
    words: ['agent'],
    description: 'run the agent of a host; "agent attach" runs the attach daemon',
    program: ['agent', 'dist', 'main.js'],
  },
  {
    words: ['server'],
    description: 'run the control plane: all services in one process',
    program: ['server', 'dist', 'main.js'],
  },
];

/** The daemon that a command line names, with the arguments that are its own business. */
export function daemonOf(
  argv: readonly string[],
): { readonly daemon: DaemonCommand; readonly args: readonly string[] } | undefined {
  const daemon = DAEMONS.find(({ words }) => words.every((word, i) => argv[i] === word));
  return daemon && { daemon, args: argv.slice(daemon.words.length) };
}

/** @throws HeddleError `state` when it is not built */
export function programOf(daemon: DaemonCommand, appsFolder: string, exists: (file: string) => boolean): string {
  const file = path.join(appsFolder, ...daemon.program);
  if (exists(file)) return file;
  throw new HeddleError('state', `${file} is not there: run npm run build first`);
}

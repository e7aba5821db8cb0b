import { Command, CommanderError, Help } from 'commander';
import { version } from '../package.json';
import { COMPLETE_WORD } from './completion/scripts';
import { registerApply } from './commands/apply';
import type { Register, Run } from './commands/command';
import { printCandidates, registerCompletion } from './commands/completion';
import { registerContext } from './commands/context';
import { registerDaemons } from './commands/daemons';
import { registerDescribe } from './commands/describe';
import { registerEvents } from './commands/events';
import { registerFabric } from './commands/fabric';
import { registerGet } from './commands/get';
import { registerHistory } from './commands/history';
import { registerLab } from './commands/lab';
import { registerLogs } from './commands/logs';
import { registerProbe } from './commands/probe';
import { registerSchema } from './commands/schema';
import { registerServices } from './commands/services';
import { registerStatus } from './commands/status';
import { registerStore } from './commands/store';
import type { ConnectionOptions } from './context/connection';
import { errorText, UnreachableError } from './errors';
import { EXIT, EXIT_CODE_HELP, exitCodeOf } from './exit-codes';
import { InterruptedError } from './interrupt';
import { Session, type Environment } from './session';

/** The commands in the order of the help, by what they are for. */
const GROUPS: readonly (readonly [heading: string, commands: readonly Register[]])[] = [
  ['Change:', [registerApply, registerServices]],
  ['Look:', [registerGet, registerDescribe, registerLogs, registerProbe, registerEvents]],
  ['History and state:', [registerHistory, registerStatus, registerFabric, registerStore]],
  ['Run:', [registerDaemons, registerLab]],
  ['This tool:', [registerContext, registerSchema, registerCompletion]],
];

/** Runs one command line, without the program's name, and returns its exit status. */
export async function runCli(argv: readonly string[], environment: Environment): Promise<number> {
  let exitCode: number = EXIT.ok;
  const program = makeProgram(environment, (action) => async (...args) => {
    const session = new Session(environment, program.opts<ConnectionOptions>());
    try {
      exitCode = (await action(session, ...args)) ?? EXIT.ok;
    } catch (error) {
      exitCode = report(error, session);
    } finally {
      session.close();
    }
  });
  if (argv[0] === COMPLETE_WORD) {
    const session = new Session(environment, {});
    await printCandidates(program, argv.slice(1), session).finally(() => session.close());
    return EXIT.ok;
  }
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  }
}

const HELP = new Help();

function makeProgram({ terminal }: Environment, run: Run): Command {
  const program = new Command('heddle')
    .description('Containers, hosts and network policy as one thing: planned, placed, enforced and proved together.')
    .version(version, '--version', 'print the version')
    .option('--api <url>', 'address of the API (HEDDLE_API)')
    .option('--token-file <file>', 'file with the bearer token (HEDDLE_TOKEN holds the token itself)')
    .option('--context <name>', 'use this context (HEDDLE_CONTEXT)')
    .option('--tenant <name>', 'the tenant of paths that name none')
    .addHelpText('after', EXIT_CODE_HELP)
    .configureHelp({
      optionDescription: (option) => `${option.mandatory ? 'required: ' : ''}${HELP.optionDescription(option)}`,
    })
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.write(text),
      writeErr: (text) => terminal.writeError(text),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    });
  for (const [heading, commands] of GROUPS) {
    program.commandsGroup(heading);
    for (const register of commands) register(program, run);
  }
  return program;
}

/** Prints what went wrong, and returns the exit status for it. */
function report(error: unknown, session: Session): number {
  if (error instanceof InterruptedError) return EXIT.interrupted;
  session.environment.terminal.writeError(errorText(error, session.errorStyle, session.inputName));
  if (error instanceof UnreachableError && !error.broken) {
    session.remark(
      '  start a server with "heddle server" or "heddle lab up", or pick another with "heddle context use NAME"',
    );
  }
  return exitCodeOf(error);
}

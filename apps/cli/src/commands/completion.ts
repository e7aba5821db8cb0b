import { candidates, type NameSource } from '../completion/complete';
import { SCRIPTS } from '../completion/scripts';
import { UsageError } from '../errors';
import { kindNamed, pathOfObject } from '../objects/paths';
import type { Session } from '../session';
import type { Command } from 'commander';
import type { Register } from './command';

export const registerCompletion: Register = (program, run) => {
  program
    .command('completion')
    .description('print the completion script of a shell')
    .argument('<SHELL>', 'bash, zsh or fish')
    .action(
      run(async (session, shell: string) => {
        const script = Object.hasOwn(SCRIPTS, shell) ? SCRIPTS[shell] : undefined;
        if (script === undefined)
          throw new UsageError(`found shell "${shell}"; allowed are ${Object.keys(SCRIPTS).join(', ')}`);
        session.environment.terminal.write(script);
      }),
    );
};

/** Prints the candidates for the last of these words. */
export async function printCandidates(program: Command, words: readonly string[], session: Session): Promise<void> {
  session.print(...(await candidates(program, words, namesOf(session))));
}

/** Whoever presses Tab wants no error in the middle of the line: what cannot be found out gives no candidates. */
function namesOf(session: Session): NameSource {
  const orNone = async (names: Promise<readonly string[]>): Promise<readonly string[]> => names.catch(() => []);
  return {
    paths: (kind) => orNone(listPaths(session, kind)),
    contexts: () => orNone(session.contexts.load().then(({ contexts }) => Object.keys(contexts))),
  };
}

async function listPaths(session: Session, kind: string): Promise<readonly string[]> {
  return (await session.objects(kindNamed(kind), { tenant: undefined })).map(pathOfObject);
}

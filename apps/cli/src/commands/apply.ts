import { UsageError } from '../errors';
import { parseTarget } from '../objects/paths';
import { checkFormat, PLAIN_FORMATS } from '../render/output';
import { planLines } from '../render/plan';
import { makeChange, withChangeOptions, type ChangeOptions } from './change';
import type { Register } from './command';

const FILE = ['-f, --file <file>', 'file of objects, YAML or JSON; - is standard input'] as const;

/** plan, apply, delete: changes by files. */
export const registerApply: Register = (program, run) => {
  program
    .command('plan')
    .description('show what a file would change: objects, containers, and connections that open or close')
    .requiredOption(...FILE)
    .option('-o, --output <format>', 'table, json or yaml', 'table')
    .action(
      run(async (session, options: { file: string; output: string }) => {
        const format = checkFormat(options.output, PLAIN_FORMATS);
        const file = await session.input(options.file);
        const plan = await (await session.api()).plan(file);
        const { outColumns } = session.environment.terminal;
        session.result(plan, format, () => session.print(...planLines(plan, session.style, outColumns)));
      }),
    );

  withChangeOptions(
    program
      .command('apply')
      .description('make a file of objects true, as one change, and wait until it is in force')
      .requiredOption(...FILE),
  ).action(
    run(async (session, options: ChangeOptions & { file: string }) => {
      const file = await session.input(options.file);
      const api = await session.api();
      return makeChange(session, options, (dryRun) => api.apply(file, dryRun));
    }),
  );

  withChangeOptions(
    program
      .command('delete')
      .description('delete the objects of a file, or one object, and what they own')
      .argument('[KIND]', 'kind of the object, or KIND/PATH')
      .argument('[PATH]', 'path of the object')
      .option(...FILE),
  ).action(
    run(
      async (
        session,
        word: string | undefined,
        path: string | undefined,
        options: ChangeOptions & { file?: string },
      ) => {
        if ((word === undefined) === (options.file === undefined)) {
          throw new UsageError('name what to delete: either KIND PATH, or -f FILE');
        }
        const api = await session.api();
        if (options.file !== undefined) {
          const file = await session.input(options.file);
          return makeChange(session, options, (dryRun) => api.deleteFile(file, dryRun));
        }
        const target = parseTarget(word ?? '', path);
        if (target.path === undefined)
          throw new UsageError(`name which ${target.kind.kind} to delete: heddle delete KIND PATH`);
        const whole = await session.resolve(target.kind, target.path);
        return makeChange(session, options, (dryRun) => api.delete(target.kind, whole, dryRun));
      },
    ),
  );
};

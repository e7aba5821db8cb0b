import { parseCount } from '../duration';
import { parseTarget } from '../objects/paths';
import { HISTORY_HEADER, historyRows } from '../render/history';
import { checkFormat, PLAIN_FORMATS } from '../render/output';
import { UsageError } from '../errors';
import type { Register } from './command';
import { makeChange, withDryRun, type ChangeOptions } from './change';

const MOST_CHANGES = 500;

/** history, rollback. */
export const registerHistory: Register = (program, run) => {
  program
    .command('history')
    .description('list the accepted changes, newest first')
    .option('-n, --limit <n>', 'how many', '20')
    .option('--object <KIND/PATH>', 'only changes of this object')
    .option('-o, --output <format>', 'table, json or yaml', 'table')
    .action(
      run(async (session, options: { limit: string; object?: string; output: string }) => {
        const format = checkFormat(options.output, PLAIN_FORMATS);
        const limit = parseCount('number of changes', options.limit, 1, MOST_CHANGES);
        let key: string | undefined;
        if (options.object !== undefined) {
          const target = parseTarget(options.object);
          if (target.path === undefined) throw new UsageError(`found object "${options.object}"; allowed is KIND/PATH`);
          key = `${target.kind.kind}/${target.path}`;
        }
        const items = await (await session.api()).history({ limit, key });
        session.result({ items }, format, () => {
          if (items.length === 0) session.remark('there are no changes');
          else session.printTable(HISTORY_HEADER, historyRows(items, session.clock.now()));
        });
      }),
    );

  withDryRun(
    program
      .command('rollback')
      .description('bring the objects back to what they were at a position of the history, by a new change')
      .argument('<POSITION>', 'position, as "heddle history" lists it'),
  ).action(
    run(async (session, text: string, options: ChangeOptions) => {
      const position = parseCount('position', text, 0, Number.MAX_SAFE_INTEGER);
      const api = await session.api();
      return makeChange(session, options, (dryRun) => api.rollback(position, dryRun));
    }),
  );
};

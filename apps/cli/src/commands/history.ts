import type { RollbackScope } from '../api/heddle-api';
import { parseCount } from '../duration';
import { UsageError } from '../errors';
import { parseTarget } from '../objects/paths';
import { HISTORY_HEADER, historyRows } from '../render/history';
import { checkFormat, PLAIN_FORMATS } from '../render/output';
import type { Session } from '../session';
import { makeChange, withChangeOptions, type ChangeOptions } from './change';
import type { Register } from './command';

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

  withChangeOptions(
    program
      .command('rollback')
      .description('bring the objects back to what they were at a position of the history, by a new change')
      .argument('<POSITION>', 'position, as "heddle history" lists it')
      .option('--application <name>', 'only this application of the tenant')
      .option('-A, --all-tenants', 'everything, whatever the default tenant is'),
  ).action(
    run(async (session, text: string, options: RollbackOptions) => {
      const position = parseCount('position', text, 0, Number.MAX_SAFE_INTEGER);
      const scope = await scopeOf(session, options);
      const api = await session.api();
      const asked = { ...options, said: `${options.dryRun ? 'to roll' : 'rolled'} back to ${position}: ${scope.text}` };
      return makeChange(session, asked, (dryRun) => api.rollback(position, scope, dryRun));
    }),
  );
};

interface RollbackOptions extends ChangeOptions {
  readonly application?: string;
  readonly allTenants?: boolean;
}

/** What a rollback is of, as lists are: of the default tenant, of all with -A or where there is none. */
async function scopeOf(
  session: Session,
  { application, allTenants }: RollbackOptions,
): Promise<RollbackScope & { readonly text: string }> {
  const given = session.options.tenant;
  if (allTenants && (given !== undefined || application !== undefined)) {
    throw new UsageError('-A is everything: leave out --tenant and --application, or -A');
  }
  const { tenant, context } = await session.connection();
  if (allTenants || tenant === undefined) {
    if (application === undefined) return { text: 'everything that this token may change' };
    throw new UsageError(`found --application ${application} without a tenant; name the one it is in with --tenant`);
  }
  const part = application === undefined ? '' : `application ${application} of `;
  const why = given === undefined ? `, the tenant of context ${context}; -A takes everything` : '';
  return { tenant, application, text: `${part}tenant ${tenant}${why}` };
}

import path from 'node:path';
import { checkAddress } from '../context/connection';
import { UsageError } from '../errors';
import type { Session } from '../session';
import type { Register } from './command';

export const registerContext: Register = (program, run) => {
  const context = program.command('context').description('list, choose, add and remove the servers known by name');

  context.command('list', { isDefault: true }).description('list them; the current one is marked').action(run(list));

  context
    .command('use')
    .description('make a context the current one')
    .argument('<CONTEXT>', 'name')
    .action(
      run(async (session, name: string) => {
        await session.contexts.use(name);
        session.print(`using ${name}`);
      }),
    );

  context
    .command('set')
    .description('add or replace a context, and use it; takes --api, --token-file and --tenant')
    .argument('<CONTEXT>', 'name')
    .action(
      run(async (session, name: string) => {
        const { api, tokenFile, tenant } = session.options;
        if (api === undefined) throw new UsageError('name the server with --api URL');
        await session.contexts.put(name, {
          api: checkAddress(api),
          ...(tokenFile ? { tokenFile: path.resolve(tokenFile) } : {}),
          ...(tenant ? { tenant } : {}),
        });
        session.print(`using ${name}`);
      }),
    );

  context
    .command('remove')
    .description('forget a context')
    .argument('<CONTEXT>', 'name')
    .action(
      run(async (session, name: string) => {
        await session.contexts.remove(name);
      }),
    );
};

async function list(session: Session): Promise<void> {
  const { current, contexts } = await session.contexts.load();
  const entries = Object.entries(contexts).sort(([a], [b]) => (a < b ? -1 : 1));
  if (entries.length === 0) {
    session.remark('there are no contexts; "heddle lab up" and "heddle context set" make them');
    return;
  }
  session.printTable(
    ['', 'NAME', 'API', 'TENANT', 'TOKEN FILE'],
    entries.map(([name, context]) => [
      name === current ? '*' : '',
      name,
      context.api,
      context.tenant ?? '-',
      context.tokenFile ?? '-',
    ]),
  );
}

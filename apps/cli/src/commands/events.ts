import { parseCount } from '../duration';
import { followEvents } from '../events/follow';
import { kindNamed } from '../objects/paths';
import { EVENT_HEADER, eventLine, eventRows } from '../render/events';
import { checkFormat, isData, itemText, PLAIN_FORMATS } from '../render/output';
import type { Register } from './command';

interface EventOptions {
  readonly watch?: boolean;
  readonly kind?: string;
  readonly name?: string;
  readonly limit: string;
  readonly allTenants?: boolean;
  readonly output: string;
}

const MOST_EVENTS = 1000;

export const registerEvents: Register = (program, run) => {
  program
    .command('events')
    .description('show what happened, oldest first')
    .option('-w, --watch', 'go on with what happens from now on')
    .option('--kind <kind>', 'of objects of this kind')
    .option('--name <name>', 'of this object: its path below the tenant, such as shop/web')
    .option('-n, --limit <n>', 'how many of the past', '50')
    .option('-A, --all-tenants', 'of all tenants, whatever the default tenant is')
    .option(
      '-o, --output <format>',
      'table, json (with -w one object a line) or yaml (with -w one document each)',
      'table',
    )
    .action(
      run(async (session, options: EventOptions) => {
        const format = checkFormat(options.output, PLAIN_FORMATS);
        const before = parseCount('number of events', options.limit, 0, MOST_EVENTS);
        const filter = {
          kind: options.kind === undefined ? undefined : kindNamed(options.kind).kind,
          tenant: options.allTenants ? undefined : await session.tenant(),
          name: options.name,
        };
        const api = await session.api();
        const { style, clock, signal } = session;
        if (!options.watch) {
          const items = before === 0 ? [] : await api.events({ ...filter, limit: before });
          session.result({ items }, format, () => {
            if (items.length === 0) session.remark('nothing happened');
            else session.printTable(EVENT_HEADER, eventRows(items, style, clock.now()));
          });
          return;
        }
        const onLost = (reason: string): void => session.remark(session.errorStyle.yellow(`trying again: ${reason}`));
        for await (const fact of followEvents(api, { filter, before, clock, signal, onLost })) {
          session.print(isData(format) ? itemText(fact, format) : eventLine(fact, style));
        }
      }),
    );
};

import { KINDS, parseSelector, refKey, refOf, type HeddleObject, type KindInfo } from '@heddle/model';
import type { ListAnswer } from '../api/types';
import { UsageError } from '../errors';
import { parseTarget } from '../objects/paths';
import { objectRows } from '../render/columns';
import { checkFormat, isData, type Format } from '../render/output';
import type { Session } from '../session';
import type { Register } from './command';

interface GetOptions {
  readonly allTenants?: boolean;
  readonly selector?: string;
  readonly output: string;
  readonly watch?: boolean;
}

const WATCH_EVERY_MS = 1000;

export const registerGet: Register = (program, run) => {
  program
    .command('get')
    .description('list objects of a kind, or of all kinds, or show one object')
    .argument('<KIND>', 'kind, "all", or KIND/PATH')
    .argument('[PATH]', 'path; its beginning may be left out where it is clear what is meant')
    .option('-A, --all-tenants', 'of all tenants, whatever the default tenant is')
    .option('-l, --selector <selector>', 'label selector such as tier=web,env in (a,b)')
    .option('-o, --output <format>', 'table, wide, json, yaml or name', 'table')
    .option('-w, --watch', 'go on and show each object again when it changes')
    .action(
      run(async (session, word: string, path: string | undefined, options: GetOptions) => {
        const format = checkFormat(options.output, ['table', 'wide', 'json', 'yaml', 'name'] as const);
        if (options.selector !== undefined) parseSelector(options.selector);
        if (options.watch && isData(format)) throw new UsageError('-w shows tables: leave it out for json and yaml');
        if (word === 'all') {
          if (path !== undefined) throw new UsageError('"all" takes no path');
          return getAll(session, options, format);
        }
        const target = parseTarget(word, path);
        if (target.path === undefined) return getList(session, target.kind, options, format);
        return getOne(session, target.kind, target.path, options, format);
      }),
    );
};

async function getOne(
  session: Session,
  kind: KindInfo,
  path: string,
  options: GetOptions,
  format: Format,
): Promise<void> {
  const whole = await session.resolve(kind, path);
  const api = await session.api();
  if (options.watch) return watch(session, kind, async () => [await api.get(kind, whole)], format);
  const object = await api.get(kind, whole);
  session.result(object, format, () => printObjects(session, kind, [object], format));
}

async function getList(session: Session, kind: KindInfo, options: GetOptions, format: Format): Promise<void> {
  const list = (): Promise<ListAnswer> => listOf(session, kind, options);
  if (options.watch) return watch(session, kind, async () => (await list()).items, format);
  const answer = await list();
  session.result(answer, format, () => printObjects(session, kind, answer.items, format));
}

/** Every kind that has objects, one table each. */
async function getAll(session: Session, options: GetOptions, format: Format): Promise<void> {
  if (options.watch) throw new UsageError('-w watches one kind');
  const lists = await Promise.all(KINDS.map(async (kind) => ({ kind, list: await listOf(session, kind, options) })));
  const filled = lists.filter(({ list }) => list.items.length > 0);
  const items = filled.flatMap(({ list }) => list.items);
  session.result({ kind: 'List', items }, format, () => {
    if (items.length === 0) session.remark('there are no objects');
    filled.forEach(({ kind, list }, i) => {
      if (format !== 'name') session.print(...(i > 0 ? [''] : []), session.style.cyan(kind.plural));
      printObjects(session, kind, list.items, format);
    });
  });
}

async function listOf(session: Session, kind: KindInfo, { allTenants, selector }: GetOptions): Promise<ListAnswer> {
  const tenant = allTenants || kind.scope === 'cluster' ? undefined : await session.tenant();
  return (await session.api()).list(kind, { tenant, selector });
}

function printObjects(session: Session, kind: KindInfo, objects: readonly HeddleObject[], format: Format): void {
  if (format === 'name') session.print(...objects.map((object) => refKey(refOf(object))));
  else if (objects.length === 0) session.remark(`there are no ${kind.plural}`);
  else session.print(...linesOf(session, kind, objects, format));
}

function linesOf(session: Session, kind: KindInfo, objects: readonly HeddleObject[], format: Format): string[] {
  if (format === 'name') return ['', ...objects.map((object) => refKey(refOf(object)))];
  const context = { style: session.style, now: session.clock.now() };
  const { header, rows } = objectRows(kind.kind, objects, format === 'wide', context);
  return session.table(header, rows);
}

/** Looks every second, and prints the line of each object that is not as it was at the last look. */
async function watch(
  session: Session,
  kind: KindInfo,
  look: () => Promise<readonly HeddleObject[]>,
  format: Format,
): Promise<void> {
  let before = new Map<string, string>();
  for (let first = true; ; first = false) {
    const objects = await look();
    const [header = '', ...lines] = linesOf(session, kind, objects, format);
    const now = new Map(objects.map((object) => [refKey(refOf(object)), JSON.stringify(object)]));
    if (first && format !== 'name') session.print(header);
    objects.forEach((object, i) => {
      const key = refKey(refOf(object));
      if (before.get(key) !== now.get(key)) session.print(lines[i] ?? '');
    });
    for (const key of before.keys()) if (!now.has(key)) session.print(`${key} is gone`);
    before = now;
    await session.clock.sleep(WATCH_EVERY_MS, session.signal);
  }
}

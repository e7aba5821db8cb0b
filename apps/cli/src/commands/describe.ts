import { HeddleError, kindInfo, type HeddleObject } from '@heddle/model';
import { UsageError } from '../errors';
import { parseTarget, pathOfObject } from '../objects/paths';
import { relatedKinds, relationsOf } from '../objects/relations';
import { describeLines, type Description } from '../render/describe';
import { checkFormat, PLAIN_FORMATS } from '../render/output';
import type { Session } from '../session';
import type { Register } from './command';

const EVENTS = 20;

export const registerDescribe: Register = (program, run) => {
  program
    .command('describe')
    .description('show all there is to say about one object: spec, status, relations, events')
    .argument('<KIND>', 'kind, or KIND/PATH')
    .argument('[PATH]', 'path; its beginning may be left out where it is clear what is meant')
    .option('-o, --output <format>', 'table, json or yaml', 'table')
    .action(
      run(async (session, word: string, path: string | undefined, options: { output: string }) => {
        const format = checkFormat(options.output, PLAIN_FORMATS);
        const target = parseTarget(word, path);
        if (target.path === undefined)
          throw new UsageError(`name which ${target.kind.kind}: heddle describe KIND PATH`);
        const whole = await session.resolve(target.kind, target.path);
        const object = await (await session.api()).get(target.kind, whole);
        const [others, events, rules] = await Promise.all([
          relatives(session, object),
          eventsOf(session, object),
          object.kind === 'Contract' ? rulesOf(session, object) : undefined,
        ]);
        const description = { object, relations: relationsOf(object, others), events, ...(rules ? { rules } : {}) };
        session.result(description, format, () =>
          session.print(...describeLines(description, session.style, session.clock.now())),
        );
      }),
    );
};

async function relatives(session: Session, object: HeddleObject): Promise<HeddleObject[]> {
  const tenant = object.kind === 'Tenant' ? object.metadata.name : object.metadata.tenant;
  const lists = await Promise.all(
    relatedKinds(object.kind).map((kind) =>
      session.objects(kind, { tenant: kind.scope === 'cluster' ? undefined : tenant }),
    ),
  );
  return lists.flat();
}

async function eventsOf(session: Session, { kind, metadata }: HeddleObject) {
  const { tenant, application, name } = metadata;
  const below = kindInfo(kind).scope === 'application' ? `${application}/${name}` : name;
  return (await session.api()).events({ kind, tenant, name: below, limit: EVENTS });
}

/** The rest can be told without them. */
async function rulesOf(session: Session, contract: HeddleObject): Promise<NonNullable<Description['rules']>> {
  try {
    return await (await session.api()).rules(pathOfObject(contract));
  } catch (error) {
    if (!(error instanceof HeddleError)) throw error;
    return { unknown: error.message };
  }
}

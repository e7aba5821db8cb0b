import { kindInfo, type FabricPlan, type FabricStatus } from '@heddle/model';
import { EXIT } from '../exit-codes';
import { pathOfObject } from '../objects/paths';
import { fabricPlanLines, fabricStatusLines } from '../render/fabric';
import { checkFormat, PLAIN_FORMATS } from '../render/output';
import type { Session } from '../session';
import type { Register } from './command';

const OUTPUT = ['-o, --output <format>', 'table, json or yaml', 'table'] as const;

/** fabric plan, status, confirm. */
export const registerFabric: Register = (program, run) => {
  const fabric = program.command('fabric').description('the leaves and controllers that enforce where no host does');

  fabric
    .command('plan')
    .description('show what would be sent to controllers now, and what of it waits for you')
    .argument('[FABRIC]', 'name; all of driver apic without it')
    .option(...OUTPUT)
    .action(
      run(async (session, name: string | undefined, options: { output: string }) => {
        const format = checkFormat(options.output, PLAIN_FORMATS);
        const api = await session.api();
        const plans: FabricPlan[] = [];
        for (const one of await namesOf(session, name, 'apic')) plans.push(await api.fabricPlan(one));
        session.result(name === undefined ? { items: plans } : plans[0], format, () => {
          if (plans.length === 0) session.remark('there is no Fabric of driver apic');
          plans.forEach((plan, i) => session.print(...(i > 0 ? [''] : []), ...fabricPlanLines(plan, session.style)));
        });
      }),
    );

  fabric
    .command('status')
    .description('show what is in force on fabrics')
    .argument('[FABRIC]', 'name; all without it')
    .option(...OUTPUT)
    .action(
      run(async (session, name: string | undefined, options: { output: string }) => {
        const format = checkFormat(options.output, PLAIN_FORMATS);
        const api = await session.api();
        const statuses: FabricStatus[] = [];
        for (const one of await namesOf(session, name)) statuses.push(await api.fabricStatus(one));
        session.result(name === undefined ? { items: statuses } : statuses[0], format, () => {
          if (statuses.length === 0) session.remark('there are no fabrics');
          else show(session, statuses);
        });
        return statuses.every(({ state }) => state === 'in-force') ? EXIT.ok : EXIT.failed;
      }),
    );

  fabric
    .command('confirm')
    .description('let happen what waits for you: deletions, or that this cluster takes a controller over')
    .argument('<FABRIC>', 'name')
    .argument('<DIGEST>', 'of what "heddle fabric plan" showed; anything else that waits by now is not confirmed')
    .option(...OUTPUT)
    .action(
      run(async (session, name: string, digest: string, options: { output: string }) => {
        const format = checkFormat(options.output, PLAIN_FORMATS);
        const status = await (await session.api()).fabricConfirm(name, digest);
        session.result(status, format, () => show(session, [status]));
        return status.state === 'in-force' ? EXIT.ok : EXIT.unsettled;
      }),
    );
};

const show = (session: Session, statuses: readonly FabricStatus[]): void =>
  session.print(...fabricStatusLines(statuses, session.style, session.clock.now()));

/** The one that is named, or all, sorted. */
async function namesOf(session: Session, name: string | undefined, driver?: string): Promise<string[]> {
  if (name !== undefined) return [name];
  const all = await session.objects(kindInfo('Fabric'));
  return all
    .filter(({ spec }) => driver === undefined || ('driver' in spec && spec.driver === driver))
    .map(pathOfObject)
    .sort();
}

import { HeddleError, kindInfo, type FabricPlan, type FabricStatus } from '@heddle/model';
import type { HeddleApi } from '../api/heddle-api';
import { errorText, toHeddleError, UnreachableError } from '../errors';
import { EXIT, exitCodeOf } from '../exit-codes';
import { InterruptedError } from '../interrupt';
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
        if (name !== undefined) {
          const plan = await api.fabricPlan(name);
          session.result(plan, format, () => session.print(...fabricPlanLines(plan, session.style)));
          return EXIT.ok;
        }
        const names = await namesOf(session, undefined, 'apic');
        const { plans, failures } = await plansOf(api, names);
        session.result({ items: plans }, format, () => {
          if (names.length === 0) session.remark('there is no Fabric of driver apic');
          plans.forEach((plan, i) => session.print(...(i > 0 ? [''] : []), ...fabricPlanLines(plan, session.style)));
        });
        for (const error of failures) session.environment.terminal.writeError(errorText(error, session.errorStyle));
        return failures[0] === undefined ? EXIT.ok : exitCodeOf(failures[0]);
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

/** Of each Fabric its plan, or why there is none: one whose controllers are away says nothing of the others. */
async function plansOf(
  api: HeddleApi,
  names: readonly string[],
): Promise<{ readonly plans: readonly FabricPlan[]; readonly failures: readonly HeddleError[] }> {
  const plans: FabricPlan[] = [];
  const failures: HeddleError[] = [];
  for (const name of names) {
    try {
      plans.push(await api.fabricPlan(name));
    } catch (error) {
      if (error instanceof InterruptedError || error instanceof UnreachableError) throw error;
      const { code, message } = toHeddleError(error);
      failures.push(new HeddleError(code, `Fabric ${name}: ${message}`, { cause: error }));
    }
  }
  return { plans, failures };
}

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

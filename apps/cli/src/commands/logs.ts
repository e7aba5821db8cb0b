import { kindInfo, type LogLine } from '@heddle/model';
import { parseCount } from '../duration';
import { followLogs } from '../logs/follow';
import { allocationsOf, logTarget, type Allocation, type LogTarget } from '../logs/targets';
import { pathOfObject } from '../objects/paths';
import type { Session } from '../session';
import type { Register } from './command';

const MOST_LINES = 100_000;

export const registerLogs: Register = (program, run) => {
  program
    .command('logs')
    .description('show what the containers of a service, or one of them, have written')
    .argument('<SERVICE>', 'path of a service or of an allocation')
    .option('-f, --follow', 'go on with what they write from now on')
    .option('--tail <n>', 'only the last lines of each')
    .action(
      run(async (session, input: string, options: { follow?: boolean; tail?: string }) => {
        const tail =
          options.tail === undefined ? undefined : parseCount('number of lines', options.tail, 0, MOST_LINES);
        const parts = input.split('/');
        const tenant = parts.length > 2 ? parts[0] : await session.tenant();
        const list = async (): Promise<readonly Allocation[]> =>
          (await session.objects(kindInfo('Allocation'), { tenant })) as readonly Allocation[];
        const allocations = await list();
        const target = logTarget(input, tenant, allocations);
        const print = printer(session, target);
        if (options.follow) await follow(session, target, list, tail, print);
        else await copyAll(session, allocationsOf(target, allocations), tail, print);
      }),
    );
};

type Print = (allocation: string, line: LogLine) => void;

/** Without times in the lines there is no order between instances: one after the other. */
async function copyAll(
  session: Session,
  allocations: readonly Allocation[],
  tail: number | undefined,
  print: Print,
): Promise<void> {
  const api = await session.api();
  for (const path of allocations.map(pathOfObject)) {
    for await (const line of await api.logs(path, { follow: false, tail })) print(path, line);
  }
}

async function follow(
  session: Session,
  target: LogTarget,
  list: () => Promise<readonly Allocation[]>,
  tail: number | undefined,
  print: Print,
): Promise<void> {
  const api = await session.api();
  await followLogs({
    wanted: async () => allocationsOf(target, await list()).map(pathOfObject),
    open: (path, lines, signal) => api.logs(path, { follow: true, tail: lines }, signal),
    tail,
    onLine: print,
    onTrouble: (message) => session.remark(session.errorStyle.yellow(`trying again: ${message}`)),
    clock: session.clock,
    signal: session.signal,
  });
}

/** Prints lines, with the instance before each when there may be several, in a colour that stays with the instance. */
function printer({ environment, style }: Session, { isService }: LogTarget): Print {
  const paints = [style.cyan, style.yellow, style.green, style.magenta, style.blue];
  const known = new Map<string, string>();
  const prefixOf = (allocation: string): string => {
    const prefix = known.get(allocation);
    if (prefix !== undefined) return prefix;
    const paint = paints[known.size % paints.length] ?? style.cyan;
    const made = isService ? `${paint(allocation.slice(allocation.lastIndexOf('/') + 1))} ` : '';
    known.set(allocation, made);
    return made;
  };
  const { terminal } = environment;
  return (allocation, { stream, line }) => {
    const text = `${prefixOf(allocation)}${line}\n`;
    if (stream === 'stderr') terminal.writeError(text);
    else terminal.write(text);
  };
}

import { EXIT } from '../exit-codes';
import { checkFormat, PLAIN_FORMATS } from '../render/output';
import { isInOrder, statusLines } from '../render/status';
import type { Register } from './command';

export const registerStatus: Register = (program, run) => {
  program
    .command('status')
    .description('show the cluster on one page: store, services, hosts')
    .option('-o, --output <format>', 'table, json or yaml', 'table')
    .action(
      run(async (session, options: { output: string }) => {
        const format = checkFormat(options.output, PLAIN_FORMATS);
        const status = await (await session.api()).status();
        session.result(status, format, () => session.print(...statusLines(status, session.style, session.clock.now())));
        return isInOrder(status) ? EXIT.ok : EXIT.failed;
      }),
    );
};

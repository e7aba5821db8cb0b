import { HeddleError, kindInfo, splitPath } from '@heddle/model';
import { parseDuration } from '../duration';
import { toHeddleError, UsageError } from '../errors';
import { EXIT } from '../exit-codes';
import { checkFormat, dataText } from '../render/output';
import { mismatchCount, missingCount, probeLines, probeRows } from '../render/probe';
import type { Register } from './command';

const TIMEOUT_MS = { least: 50, most: 10_000 };

export const registerProbe: Register = (program, run) => {
  program
    .command('probe')
    .description('try every connection between the containers of an application, and compare with its policy')
    .argument('<APP>', 'path of the application')
    .option('--timeout <duration>', 'how long one connection may take', '1s')
    .option('-o, --output <format>', 'table, wide, json or yaml', 'table')
    .option('--save <file>', 'also write the answer of the API to a file, as JSON')
    .action(
      run(async (session, app: string, options: { timeout: string; output: string; save?: string }) => {
        const format = checkFormat(options.output, ['table', 'wide', 'json', 'yaml'] as const);
        const timeoutMs = parseDuration(options.timeout);
        if (timeoutMs < TIMEOUT_MS.least || timeoutMs > TIMEOUT_MS.most) {
          throw new UsageError(`found timeout "${options.timeout}"; allowed is 50ms to 10s for one connection`);
        }
        const path = await session.resolve(kindInfo('App'), app);
        const { tenant = '', name } = splitPath('App', path);
        const answer = await (
          await session.api()
        )
          .probe({ tenant, application: name, timeoutMs })
          .catch((error: unknown) => {
            throw withWhatIsMeant(error, path);
          });
        if (options.save !== undefined) {
          await session.environment.files.writeAtomic(options.save, dataText(answer, 'json'), { mode: 0o644 });
        }
        session.result(answer, format, () => {
          if (format === 'wide') {
            const { header, rows } = probeRows(answer.results, session.style);
            session.printTable(header, rows);
            session.print('');
          }
          session.print(...probeLines(answer, session.style));
        });
        // Nothing tried is nothing shown, and so is what was left out.
        const shown = answer.results.length > 0 && missingCount(answer) === 0;
        return shown && mismatchCount(answer) === 0 ? EXIT.ok : EXIT.failed;
      }),
    );
};

/** An application may well be there, with EPGs for virtual machines and servers only: then there is nothing to probe from. */
function withWhatIsMeant(error: unknown, application: string): unknown {
  if (toHeddleError(error).code !== 'not-found') return error;
  return new HeddleError(
    'not-found',
    `there is no application ${application} that has an App, services or containers; connections are tried from containers, so one with Endpoints only cannot be probed`,
    { cause: error },
  );
}

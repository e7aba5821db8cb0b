import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { MachineLock, systemClock, SystemProcesses } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import type { BenchContext } from './bench';
import { BENCHES, isBenchName } from './benches';
import { loadAverage, machineConditions } from './conditions';
import { jsonLine, jsonReport, textLines, type JsonReport, type Report } from './report';

/** Status of a command that was interrupted, by the shells' convention: 128 and the number of SIGINT. */
const INTERRUPTED = 130;

/**
 * `main.js NAME [--json] [--quick] [--picture FILE]`: runs one bench. A goal that is not met is a result, not a failure.
 */
async function main(argv: readonly string[]): Promise<number> {
  let options: Options;
  try {
    options = parse(argv);
  } catch (error) {
    process.stderr.write(`${HeddleError.from(error).message}\n`);
    return 2;
  }
  const { name, json, quick, picture } = options;
  const interrupt = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => interrupt.abort(new HeddleError('unavailable', 'the bench was interrupted')));
  }
  const context: BenchContext = {
    signal: interrupt.signal,
    clock: systemClock,
    quick,
    log: (line) => process.stdout.write(`${line}\n`),
  };
  try {
    const report = await run(name, context);
    for (const line of textLines(report)) context.log(line);
    if (picture !== undefined) {
      await mkdir(path.dirname(path.resolve(picture.file)), { recursive: true });
      await writeFile(picture.file, picture.draw(jsonReport(report)));
    }
    if (json) context.log(jsonLine(report));
    return 0;
  } catch (error) {
    process.stderr.write(`bench ${name}: ${HeddleError.from(error).message}\n`);
    return interrupt.signal.aborted ? INTERRUPTED : 1;
  }
}

interface Options {
  readonly name: keyof typeof BENCHES;
  readonly json: boolean;
  readonly quick: boolean;
  readonly picture?: { readonly file: string; readonly draw: (report: JsonReport) => string };
}

/** @throws Error that says what was found and what is allowed */
function parse(argv: readonly string[]): Options {
  const { positionals, values } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      picture: { type: 'string' },
    },
  });
  const [name = 'no name', ...more] = positionals;
  if (!isBenchName(name) || more.length > 0) {
    const allowed = Object.keys(BENCHES).join(', ');
    throw new HeddleError('invalid', `found ${[name, ...more].join(' ')}; allowed is one of ${allowed}`);
  }
  const { quick, picture } = BENCHES[name];
  if (values.quick && !quick) throw new HeddleError('invalid', `found --quick; ${name} always takes its time`);
  const { picture: file } = values;
  if (file === undefined) return { name, json: values.json, quick: values.quick };
  if (!picture) throw new HeddleError('invalid', `found --picture; of ${name} there is none`);
  return { name, json: values.json, quick: values.quick, picture: { file, draw: picture } };
}

async function run(name: keyof typeof BENCHES, context: BenchContext): Promise<Report> {
  // Two benches at one time would measure each other.
  const lock = await MachineLock.acquire('bench', { deadlineMs: 0, purpose: `bench ${name}, process ${process.pid}` });
  try {
    const machine = await machineConditions(new SystemProcesses());
    const loadBefore = loadAverage();
    const date = new Date(context.clock.now()).toISOString();
    const { measures, conditions } = await BENCHES[name].run(context);
    return {
      name,
      conditions: { date, ...machine, loadBefore, loadAfter: loadAverage(), ...conditions },
      measures,
    };
  } finally {
    await lock.release();
  }
}

void main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});

import { MachineLock, systemClock, SystemProcesses } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import type { BenchContext } from './bench';
import { BENCHES, isBenchName } from './benches';
import { loadAverage, machineConditions } from './conditions';
import { jsonLine, textLines, type Report } from './report';

/** Status of a command that was interrupted, by the shells' convention: 128 and the number of SIGINT. */
const INTERRUPTED = 130;

/** `main.js NAME [--json]`: runs one bench. A goal that is not met is a result, not a failure. */
async function main(argv: readonly string[]): Promise<number> {
  const names = argv.filter((word) => !word.startsWith('--'));
  const [name = ''] = names;
  const unknown = [...names.slice(1), ...argv.filter((word) => word.startsWith('--') && word !== '--json')];
  if (!isBenchName(name) || unknown.length > 0) {
    const found = isBenchName(name) ? unknown.join(' ') : name || 'no name';
    process.stderr.write(`found ${found}; allowed is one of ${Object.keys(BENCHES).join(', ')}, and --json\n`);
    return 2;
  }
  const interrupt = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => interrupt.abort(new HeddleError('unavailable', 'the bench was interrupted')));
  }
  const context: BenchContext = {
    signal: interrupt.signal,
    clock: systemClock,
    log: (line) => process.stdout.write(`${line}\n`),
  };
  try {
    const report = await run(name, context);
    for (const line of textLines(report)) context.log(line);
    if (argv.includes('--json')) context.log(jsonLine(report));
    return 0;
  } catch (error) {
    process.stderr.write(`bench ${name}: ${HeddleError.from(error).message}\n`);
    return interrupt.signal.aborted ? INTERRUPTED : 1;
  }
}

async function run(name: keyof typeof BENCHES, context: BenchContext): Promise<Report> {
  // Two benches at one time would measure each other.
  const lock = await MachineLock.acquire('bench', { deadlineMs: 0, purpose: `bench ${name}, process ${process.pid}` });
  try {
    const machine = await machineConditions(new SystemProcesses());
    const loadBefore = loadAverage();
    const date = new Date(context.clock.now()).toISOString();
    const { measures, conditions } = await BENCHES[name](context);
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

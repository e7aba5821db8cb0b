/** One table that the packet went through. */
export interface TraceStep {
  readonly table: number;
  /** The flow that it met; all three are missing when no flow matched. */
  readonly priority?: number;
  readonly cookie?: bigint;
  /** The match in the words of the switch; empty for a match on everything. */
  readonly match?: string;
}

/** What the switch would do with a packet. */
export interface Trace {
  /** `output` when it leaves by at least one port, `controller` when it only goes to the controller. */
  readonly verdict: 'output' | 'controller' | 'drop';
  /** The datapath ports it leaves by. These are not OpenFlow port numbers. */
  readonly outputs: readonly number[];
  /** The datapath's actions for each pass: the first, and one more for each recirculation, as after conntrack. */
  readonly datapathActions: readonly string[];
  readonly steps: readonly TraceStep[];
  /** Everything the switch wrote. */
  readonly text: string;
}

const STEP = /^\s*(\d+)\.\s(?:(.*), )?priority (\d+)(?:, cookie (0x[0-9a-f]+))?$/;
const MISS = /^\s*(\d+)\. No match\.$/;
const DATAPATH_ACTIONS = 'Datapath actions: ';

/** Reads what `ofproto/trace` prints. */
export function readTrace(text: string): Trace {
  const lines = text.split('\n');
  const datapathActions = lines
    .filter((line) => line.startsWith(DATAPATH_ACTIONS))
    .map((line) => line.slice(DATAPATH_ACTIONS.length).trim());
  const outputs = datapathActions.flatMap(outputPorts);
  const toController = datapathActions.some((actions) => actions.includes('controller('));
  return {
    verdict: outputs.length > 0 ? 'output' : toController ? 'controller' : 'drop',
    outputs,
    datapathActions,
    steps: lines.map(readStep).filter((step): step is TraceStep => step !== undefined),
    text,
  };
}

function readStep(line: string): TraceStep | undefined {
  const miss = MISS.exec(line);
  if (miss) return { table: Number(miss[1]) };
  const step = STEP.exec(line);
  if (!step) return undefined;
  return { table: Number(step[1]), priority: Number(step[3]), cookie: BigInt(step[4] ?? 0), match: step[2] ?? '' };
}

/** The ports in a list of datapath actions: a bare number is an output, `clone(...)` holds a list of its own. */
function outputPorts(actions: string): number[] {
  return splitTopLevel(actions).flatMap((action) => {
    if (/^\d+$/.test(action)) return [Number(action)];
    const clone = /^clone\((.*)\)$/.exec(action);
    return clone ? outputPorts(clone[1] as string) : [];
  });
}

/** The items of a list separated by commas, leaving commas inside parentheses alone. */
function splitTopLevel(list: string): string[] {
  const items: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i < list.length; i++) {
    if (list[i] === '(') depth += 1;
    else if (list[i] === ')') depth -= 1;
    else if (list[i] === ',' && depth === 0) {
      items.push(list.slice(start, i));
      start = i + 1;
    }
  }
  items.push(list.slice(start));
  return items.map((item) => item.trim());
}

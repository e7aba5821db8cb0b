import { setImmediate } from 'node:timers/promises';
import { HeddleError, type Problem } from '@heddle/model';
import { formatFlow, type Flow, type FlowChange } from '@heddle/pipeline';
import type { Deadline } from '../connection/deadline';
import { answersControl, BundleControl, encodeBundleControl, writeBundledFlow } from './codec/bundle';
import { OpenFlowError } from './codec/error';
import { FlowCommand } from './codec/flow-mod';
import { Writer } from './codec/writer';
import type { OpenFlowSession } from './session';
import { OWNER_MASK } from './switch';

/** Flows encoded at a time; between batches other work of the process gets its turn. */
const BATCH = 500;
/** How many refused flows an error shows. */
const MAX_PROBLEMS = 20;

/** One flow of a change, with its place in it. */
interface Step {
  readonly path: string;
  readonly command: FlowCommand;
  readonly flow: Flow;
}

/**
 * The steps of a change. A modified flow is added again rather than modified: OpenFlow's modify keeps the old cookie
 * and time-outs, and does nothing when the entry is gone, while add replaces all of it and keeps the counters.
 */
function stepsOf({ add, modify, remove }: FlowChange): Step[] {
  const steps = (flows: readonly Flow[], name: keyof FlowChange, command: FlowCommand): Step[] =>
    flows.map((flow, index) => ({ path: `${name}[${index}]`, command, flow }));
  return [
    ...steps(remove, 'remove', FlowCommand.deleteStrict),
    ...steps(modify, 'modify', FlowCommand.add),
    ...steps(add, 'add', FlowCommand.add),
  ];
}

/**
 * Applies a change as one atomic bundle. The messages are sent without waiting for each other; an error carries the
 * xid of the flow that it is about. OVS leaves a message that it refuses out of the bundle and would commit the rest,
 * so the commit is sent only after the bundle was closed with no error. A bundle that is never committed has no
 * effect, and OVS forgets it after ten seconds.
 */
export async function applyBundle(
  session: OpenFlowSession,
  bundle: number,
  change: FlowChange,
  deadline: Deadline,
): Promise<void> {
  const steps = stepsOf(change);
  const first = session.reserveXids(steps.length);
  const messages = await encodeSteps(bundle, steps, first);
  const refused = new Map<number, OpenFlowError>();
  const unwatch = session.watchErrors(first, steps.length, (xid, error) => refused.set(xid - first, error));
  try {
    await Promise.all([control(session, bundle, BundleControl.open, deadline), sendAll(session, messages, deadline)]);
    await control(session, bundle, BundleControl.close, deadline);
    if (refused.size > 0) {
      await control(session, bundle, BundleControl.discard, deadline);
      throw refusal(steps, refused);
    }
    await control(session, bundle, BundleControl.commit, deadline);
  } catch (error) {
    if (error instanceof OpenFlowError) throw refused.size > 0 ? refusal(steps, refused) : bundleError(error);
    throw error;
  } finally {
    unwatch();
  }
}

function control(session: OpenFlowSession, bundle: number, kind: BundleControl, deadline: Deadline): Promise<void> {
  return session.request(
    (xid) => encodeBundleControl(xid, bundle, kind),
    (message) => answersControl(message, kind),
    'a bundle',
    deadline,
  );
}

/** All messages of the bundle, so that a flow that cannot be encoded is found before the switch is troubled. */
async function encodeSteps(bundle: number, steps: readonly Step[], first: number): Promise<Buffer[]> {
  const messages: Buffer[] = [];
  for (let start = 0; start < steps.length; start += BATCH) {
    if (start > 0) await setImmediate();
    const out = new Writer();
    steps.slice(start, start + BATCH).forEach(({ command, flow }, index) => {
      const cookieMask = command === FlowCommand.deleteStrict ? OWNER_MASK : 0n;
      writeBundledFlow(out, first + start + index, bundle, command, flow, cookieMask);
    });
    messages.push(out.finish());
  }
  return messages;
}

async function sendAll(session: OpenFlowSession, messages: readonly Buffer[], deadline: Deadline): Promise<void> {
  for (const message of messages) await session.send(message, deadline);
}

function refusal(steps: readonly Step[], refused: ReadonlyMap<number, OpenFlowError>): HeddleError {
  const errors = [...refused];
  const problems: Problem[] = errors.slice(0, MAX_PROBLEMS).map(([index, { reason }]) => {
    const step = steps[index] as Step;
    return { path: step.path, message: `${reason}: ${formatFlow(step.flow)}` };
  });
  const full = errors.some(([, error]) => error.isTableFull);
  const more = errors.length > 1 ? ` and ${errors.length - 1} more` : '';
  return new HeddleError(
    full ? 'limit' : 'refused',
    `the switch refused ${problems[0]?.path}${more}, nothing was changed: ${problems[0]?.message}`,
    { problems },
  );
}

function bundleError(error: OpenFlowError): HeddleError {
  return new HeddleError('refused', `the switch refused the bundle: ${error.reason}`, {
    cause: error,
    retryable: true,
  });
}

import type { Command } from 'commander';
import type { ChangeAnswer } from '../api/types';
import { parseDuration } from '../duration';
import { toHeddleError } from '../errors';
import { EXIT } from '../exit-codes';
import { changeLines } from '../render/change';
import { checkFormat, isData, PLAIN_FORMATS } from '../render/output';
import { planLines } from '../render/plan';
import { Progress } from '../render/progress';
import { behindText, settlingLines, unsettledReasons } from '../render/settling';
import { took } from '../render/age';
import type { Session } from '../session';
import { settle, type SettleOutcome } from '../settle/settle';

/** What all commands take that change something. */
export interface ChangeOptions {
  readonly dryRun?: boolean;
  readonly wait: boolean;
  readonly timeout: string;
  readonly output: string;
  /** What the change is of, where the objects alone do not say it; printed before them. */
  readonly said?: string;
}

export const withChangeOptions = (command: Command): Command =>
  command
    .option('--dry-run', 'check and plan only; nothing is changed')
    .option('--no-wait', 'return when the change is accepted, without waiting until it is in force')
    .option('--timeout <duration>', 'how long to wait until it is in force', '60s')
    .option('-o, --output <format>', 'table, json or yaml', 'table');

/**
 * Sends a change, prints what it changed, and waits until it is in force on every host that is not lost and the services are
 * settled. Lost hosts are named. Progress goes to standard error.
 */
export async function makeChange(
  session: Session,
  options: ChangeOptions,
  send: (dryRun: boolean) => Promise<ChangeAnswer>,
): Promise<number> {
  const format = checkFormat(options.output, PLAIN_FORMATS);
  const deadlineMs = parseDuration(options.timeout);
  const { style } = session;
  const answer = await send(options.dryRun === true);
  if (options.said !== undefined && isData(format)) session.remark(options.said);
  session.result(answer, format, () => {
    if (options.said !== undefined) session.print(options.said);
    const { plan } = answer;
    if (plan) session.print(...planLines(plan, style, session.environment.terminal.outColumns));
    else session.print(...changeLines(answer, style));
  });
  if (options.dryRun || !options.wait) return EXIT.ok;
  const outcome = await waitUntilSettled(session, answer, deadlineMs);
  if (!outcome.settled) return unsettled(session, answer.position, deadlineMs, outcome);
  const { missing = [], fabrics = [] } = outcome.status?.policy ?? {};
  if (!isData(format)) session.print(style.green(`in force and settled at position ${answer.position}`));
  if (missing.length > 0) {
    session.remark(
      session.errorStyle.yellow(`not in force on ${missing.join(', ')}: lost; it follows when they are back`),
    );
  }
  for (const fabric of fabrics) {
    session.remark(session.errorStyle.yellow(`not in force on ${behindText(fabric)}; see "heddle fabric status"`));
  }
  return EXIT.ok;
}

async function waitUntilSettled(session: Session, answer: ChangeAnswer, deadlineMs: number): Promise<SettleOutcome> {
  const { clock, signal, errorStyle: style } = session;
  const progress = new Progress(session.environment.terminal);
  try {
    return await settle(await session.api(), {
      position: answer.position,
      deadlineMs,
      clock,
      signal,
      onLook: (look) => progress.update(settlingLines(look, style)),
    });
  } catch (error) {
    // Nothing had to change, and the position that the log is at is no change that could have a progress.
    if (answer.changed.length === 0 && toHeddleError(error).code === 'not-found') return { settled: true };
    throw error;
  } finally {
    progress.done();
  }
}

function unsettled(session: Session, position: number, deadlineMs: number, outcome: SettleOutcome): number {
  session.remark(
    `${session.errorStyle.red('error:')} accepted at position ${position}, but not settled within ${took(deadlineMs)}:`,
    ...unsettledReasons(outcome).map((reason) => `  ${reason}`),
  );
  return EXIT.unsettled;
}

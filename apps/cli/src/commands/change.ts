import type { Command } from 'commander';
import type { ChangeAnswer } from '../api/types';
import { parseDuration } from '../duration';
import { EXIT } from '../exit-codes';
import { changeLines } from '../render/change';
import { checkFormat, isData, PLAIN_FORMATS } from '../render/output';
import { planLines } from '../render/plan';
import { Progress } from '../render/progress';
import { settlingLines, unsettledReasons } from '../render/settling';
import { took } from '../render/age';
import type { Session } from '../session';
import { settle } from '../settle/settle';

/** What all commands take that change something. */
export interface ChangeOptions {
  readonly dryRun?: boolean;
  readonly wait: boolean;
  readonly timeout: string;
  readonly output: string;
}

export const withChangeOptions = (command: Command): Command =>
  command
    .option('--no-wait', 'return when the change is accepted, without waiting until it is in force')
    .option('--timeout <duration>', 'how long to wait until it is in force', '60s')
    .option('-o, --output <format>', 'table, json or yaml', 'table');

export const withDryRun = (command: Command): Command =>
  withChangeOptions(command.option('--dry-run', 'check and plan only; nothing is changed'));

/**
 * Sends a change, prints what it changed, and waits until it is in force on every host and the services are settled.
 * Progress goes to standard error.
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
  session.result(answer, format, () => {
    const { plan } = answer;
    if (plan) session.print(...planLines(plan, style, session.environment.terminal.outColumns));
    else session.print(...changeLines(answer, style));
  });
  if (options.dryRun || !options.wait) return EXIT.ok;
  const settled = await waitUntilSettled(session, answer.position, deadlineMs);
  if (settled === undefined) return EXIT.unsettled;
  if (!isData(format))
    session.print(style.green(`in force and settled at position ${answer.position} after ${took(settled)}`));
  return EXIT.ok;
}

/** Milliseconds it took, or nothing when it is not settled in time, with the reasons on standard error. */
async function waitUntilSettled(session: Session, position: number, deadlineMs: number): Promise<number | undefined> {
  const { clock, signal, errorStyle: style } = session;
  const progress = new Progress(session.environment.terminal);
  const started = clock.monotonic();
  const outcome = await settle(await session.api(), {
    position,
    deadlineMs,
    clock,
    signal,
    onLook: (look) => progress.update(settlingLines(look, style)),
  });
  progress.done();
  if (outcome.settled) return clock.monotonic() - started;
  session.remark(
    `${style.red('error:')} accepted at position ${position}, but not settled within ${took(deadlineMs)}:`,
    ...unsettledReasons(outcome).map((reason) => `  ${reason}`),
  );
  return undefined;
}

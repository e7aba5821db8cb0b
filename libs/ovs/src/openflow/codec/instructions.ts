import { HeddleError } from '@heddle/model';
import type { Action } from '@heddle/pipeline';
import { readActions, writeActions } from './actions';
import type { Writer } from './writer';

/** Instructions (OpenFlow 1.4, section 7.2.3). */
const GOTO_TABLE = 1;
const APPLY_ACTIONS = 4;
const METER = 6;

function isInstruction(action: Action): boolean {
  const { type } = action;
  return type === 'goto' || type === 'meter' || (type === 'unknown' && action.kind === 'instruction');
}

/**
 * Writes what a flow does: its actions as one instruction to apply them, and the instructions before and after it.
 *
 * @throws HeddleError `invalid` when `meter` is not the first, `goto` not the last, or instructions stand between actions.
 */
export function writeInstructions(out: Writer, actions: readonly Action[]): void {
  let applied = false;
  for (let index = 0; index < actions.length;) {
    const action = actions[index] as Action;
    if (!isInstruction(action)) {
      if (applied) throw new HeddleError('invalid', 'actions stand after an instruction that stands after actions');
      const rest = actions.slice(index);
      const count = rest.findIndex(isInstruction);
      const run = count < 0 ? rest : rest.slice(0, count);
      writeApply(out, run);
      applied = true;
      index += run.length;
      continue;
    }
    if (action.type === 'goto') {
      if (index < actions.length - 1) throw new HeddleError('invalid', 'goto is not the last thing the flow does');
      out.u16(GOTO_TABLE).u16(8).u8(action.table).zeros(3);
    } else if (action.type === 'meter') {
      if (index > 0) throw new HeddleError('invalid', 'meter is not the first thing the flow does');
      out.u16(METER).u16(8).u32(action.meter);
    } else if (action.type === 'unknown') {
      out.hex(action.hex);
    }
    index += 1;
  }
}

function writeApply(out: Writer, actions: readonly Action[]): void {
  const start = out.length;
  out.u16(APPLY_ACTIONS).u16(0).zeros(4);
  writeActions(out, actions);
  out.fillLength(start + 2, start);
}

/** Reads what a flow does from the instructions between two positions. */
export function readInstructions(buffer: Buffer, start: number, end: number): Action[] {
  const actions: Action[] = [];
  for (let at = start; at + 4 <= end;) {
    const type = buffer.readUInt16BE(at);
    const length = buffer.readUInt16BE(at + 2);
    const next = length < 4 || at + length > end ? end : at + length;
    if (type === GOTO_TABLE && length === 8) actions.push({ type: 'goto', table: buffer.readUInt8(at + 4) });
    else if (type === METER && length === 8) actions.push({ type: 'meter', meter: buffer.readUInt32BE(at + 4) });
    else if (type === APPLY_ACTIONS && length >= 8) actions.push(...readActions(buffer, at + 8, next));
    else actions.push({ type: 'unknown', kind: 'instruction', hex: buffer.toString('hex', at, next) });
    at = next;
  }
  return actions;
}

import type { Action } from '@heddle/pipeline';
import { readActions, writeActions } from './actions';
import type { Writer } from './writer';

/** Instructions (OpenFlow 1.4, section 7.2.3). */
const GOTO_TABLE = 1;
const APPLY_ACTIONS = 4;

/** Writes what a flow does: its actions to be applied at once, then the table to go on in. */
export function writeInstructions(out: Writer, actions: readonly Action[]): void {
  const isInstruction = (action: Action): boolean =>
    action.type === 'goto' || (action.type === 'unknown' && action.kind === 'instruction');
  const applied = actions.findIndex(isInstruction) < 0 ? actions : actions.slice(0, actions.findIndex(isInstruction));
  if (applied.length > 0) {
    const start = out.length;
    out.u16(APPLY_ACTIONS).u16(0).zeros(4);
    writeActions(out, applied);
    out.fillLength(start + 2, start);
  }
  for (const action of actions.slice(applied.length)) {
    if (action.type === 'goto') out.u16(GOTO_TABLE).u16(8).u8(action.table).zeros(3);
    else if (action.type === 'unknown' && action.kind === 'instruction') out.hex(action.hex);
    else writeActions(out, [action]);
  }
}

/** Reads what a flow does from the instructions between two positions. */
export function readInstructions(buffer: Buffer, start: number, end: number): Action[] {
  const actions: Action[] = [];
  for (let at = start; at + 4 <= end;) {
    const type = buffer.readUInt16BE(at);
    const length = buffer.readUInt16BE(at + 2);
    const next = length < 4 || at + length > end ? end : at + length;
    if (type === GOTO_TABLE && length === 8) actions.push({ type: 'goto', table: buffer.readUInt8(at + 4) });
    else if (type === APPLY_ACTIONS && length >= 8) actions.push(...readActions(buffer, at + 8, next));
    else actions.push({ type: 'unknown', kind: 'instruction', hex: buffer.toString('hex', at, next) });
    at = next;
  }
  return actions;
}

import type { FabricChange, FabricConflict, FabricPlan, FabricState, FabricStatus, FabricWaiting } from '@heddle/model';
import { age } from './age';
import type { Style } from './style';
import { rowLines, tableLines, type Cell, type Row } from './table';
import { count } from './words';

/** What would be sent to the controllers of a Fabric, for people. */
export function fabricPlanLines(plan: FabricPlan, style: Style): string[] {
  const { changes, totals, conflicts, waiting, problems, fabric } = plan;
  const all = totals.create + totals.modify + totals.delete;
  const more = all - changes.length;
  return [
    style.bold(`Fabric ${fabric}, position ${plan.position}`),
    ...rowLines(changes.map((change) => changeRow(change, style))).map(indented),
    ...(more > 0 ? [indented(`... and ${more} more`)] : []),
    ...detailLines(fabric, { conflicts, problems, ...(waiting === undefined ? {} : { waiting }) }, style),
    all === 0
      ? 'nothing to send'
      : `${totals.create} to create, ${totals.modify} to modify, ${totals.delete} to delete${waiting ? ', which wait' : ''}`,
  ];
}

const HEADER = ['FABRIC', 'DRIVER', 'STATE', 'SINCE', 'POSITION', 'MISSING', 'BY', 'COMPARED'];

/** What is in force on fabrics, one line each, and what is wrong below. */
export function fabricStatusLines(statuses: readonly FabricStatus[], style: Style, now: number): string[] {
  const rows = statuses.map((status): Row => [
    status.fabric,
    status.driver,
    stateCell(status.state, style),
    age(status.since, now),
    String(status.position),
    String(status.missing),
    byText(status),
    age(status.lastSync, now),
  ]);
  const details = statuses.flatMap((status) => {
    const lines = detailLines(status.fabric, status, style);
    return lines.length === 0 ? [] : ['', style.bold(status.fabric), ...lines];
  });
  return [...tableLines(HEADER, rows, { paintHeader: style.bold }), ...details];
}

const SIGNS = { create: '+', modify: '~', delete: '-' } as const;

function changeRow({ action, dn, class: name, attributes = {} }: FabricChange, style: Style): Cell[] {
  const paint = { create: style.green, modify: style.yellow, delete: style.red }[action];
  const changed = Object.entries(attributes).map(([key, { from, to }]) => `${key}: ${from ?? '-'} → ${to || '-'}`);
  return [{ text: SIGNS[action], paint }, name, dn, action === 'modify' ? changed.join(', ') : ''];
}

function detailLines(
  fabric: string,
  { conflicts, waiting, problems }: { readonly conflicts: readonly FabricConflict[]; readonly waiting?: FabricWaiting; readonly problems: readonly string[] }, // prettier-ignore
  style: Style,
): string[] {
  return [
    ...conflicts.map(({ dn, message }) => indented(style.yellow(`${dn} ${message}`))),
    ...problems.map((problem) => indented(style.yellow(problem))),
    ...(waiting === undefined
      ? []
      : [
          indented(style.red(`waits for you: ${waiting.reason}`)),
          indented(
            `to let it happen${waiting.deletions > 0 ? ` (${count(waiting.deletions, 'deletion')})` : ''}: heddle fabric confirm ${fabric} ${waiting.digest}`,
          ),
        ]),
  ];
}

function byText({ controller, leaves }: FabricStatus): string {
  if (leaves) return count(leaves.length, 'leaf', 'leaves');
  return controller ?? '-';
}

function stateCell(state: FabricState, style: Style): Cell {
  const bad = state === 'unreachable' || state === 'refused';
  return { text: state, paint: state === 'in-force' ? style.green : bad ? style.red : style.yellow };
}

const indented = (line: string): string => `  ${line}`;

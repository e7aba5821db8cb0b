import { stateCell } from '../render/columns';
import type { Style } from '../render/style';
import { tableLines } from '../render/table';
import type { LabStatusView } from './port';

/** A lab and its nodes for people. */
export function labStatusLines(status: LabStatusView, style: Style): string[] {
  const { name, state, reason, busy, api, nodes } = status;
  const cell = stateCell(state, style);
  const painted = typeof cell === 'string' ? cell : cell.paint(cell.text);
  const rows = nodes.map((node) => [
    node.name,
    node.address ?? '-',
    stateCell(node.state, style),
    node.parts.map((part) => (part.state === 'running' ? part.name : `${part.name} (${part.state})`)).join(' '),
  ]);
  return [
    [`lab ${style.bold(name)} is`, painted, reason ? `(${reason})` : '', busy ? `busy: ${busy}` : '']
      .filter(Boolean)
      .join(' '),
    ...(api ? [`API ${api.url}/api/v1`] : []),
    ...(nodes.length > 0 ? tableLines(['NODE', 'ADDRESS', 'STATE', 'PARTS'], rows, { paintHeader: style.bold }) : []),
  ];
}

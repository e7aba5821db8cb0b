import type { HostView } from '@heddle/model';
import type { ClusterStatus } from '../api/types';
import { age } from './age';
import { stateCell } from './columns';
import type { Style } from './style';
import { rowLines, tableLines, type Cell, type Row } from './table';

/** The cluster on one page. */
export function statusLines(status: ClusterStatus, style: Style, now: number): string[] {
  const { clusterUid, incarnation, position, version, store, services, hosts } = status;
  const storeOk = store.state === 'ok';
  const rows: Row[] = [
    [
      'cluster',
      `${clusterUid ?? 'not known yet'}, incarnation ${incarnation ?? '-'}, position ${position}, version ${version}`,
    ],
    [
      'store',
      { text: [store.state, store.explain].filter(Boolean).join(': '), paint: storeOk ? style.green : style.red },
    ],
    ...Object.entries(services).map(([name, values]) => [name, serviceCell(values, style)]),
  ];
  const table = tableLines(
    HOST_HEADER,
    hosts.map((host) => hostRow(host, style, now)),
    { paintHeader: style.bold },
  );
  const problems = hosts.flatMap((host) => host.problems.map((problem) => style.yellow(`${host.name}: ${problem}`)));
  return [...rowLines(rows), '', ...(hosts.length > 0 ? table : ['no hosts have joined']), ...problems];
}

const HOST_HEADER = ['HOST', 'STATE', 'SINCE', 'CONTAINERS', 'ENDPOINTS', 'FLOWS', 'POLICY', 'WORKLOAD', 'REASON'];

function hostRow(host: HostView, style: Style, now: number): Cell[] {
  const { usage } = host;
  return [
    host.name,
    stateCell(host.state, style),
    age(host.since, now),
    ...[usage.containers, usage.endpoints, usage.flows, host.policyPosition, host.workloadPosition].map(String),
    host.state === 'ready' ? '' : host.reason,
  ];
}

/** Whether the store is the right one and every service answers. */
export function isInOrder({ store, services }: ClusterStatus): boolean {
  return store.state === 'ok' && !Object.values(services).some((values) => 'unavailable' in values);
}

function serviceCell(values: Readonly<Record<string, unknown>>, style: Style): Cell {
  return { text: valuesText(values), paint: 'unavailable' in values ? style.red : (text) => text };
}

function valuesText(values: Readonly<Record<string, unknown>>): string {
  return Object.entries(values)
    .map(([key, value]) => `${key} ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`)
    .join(', ');
}

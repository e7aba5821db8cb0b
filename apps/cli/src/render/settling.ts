import type { ServiceView } from '@heddle/model';
import type { ChangeStatus, FabricBehind } from '../api/types';
import type { SettleLook } from '../settle/settle';
import type { Style } from './style';
import { rowLines, type Cell } from './table';
import { count } from './words';

/** How far a change is: the policy's line, and one for each service. */
export function settlingLines({ status, problem }: SettleLook, style: Style): string[] {
  const remark = problem ? [style.yellow(`no news: ${problem}`)] : [];
  if (!status) return remark;
  const rows: Cell[][] = [
    policyRow(status, style),
    ...(status.policy.fabrics ?? []).map((fabric) => fabricRow(fabric, style)),
    ...status.services.map((service) => serviceRow(service, style)),
  ];
  return [...rowLines(rows), ...remark];
}

function policyRow({ policy }: ChangeStatus, style: Style): Cell[] {
  const done = policy.missing.length === 0;
  const text = `in force on ${policy.inForce} of ${count(policy.hosts, 'host')}`;
  return [
    'policy',
    { text, paint: done ? style.green : style.yellow },
    done ? '' : `waiting for ${policy.missing.join(', ')}`,
  ];
}

const fabricRow = ({ fabric, state, problem = '' }: FabricBehind, style: Style): Cell[] => [
  `fabric ${fabric}`,
  { text: state, paint: style.yellow },
  problem,
];

function serviceRow({ service, replicas, running, healthy, settled, reasons }: ServiceView, style: Style): Cell[] {
  const text = `${running}/${replicas} running, ${healthy} healthy`;
  return [service, { text, paint: settled ? style.green : style.yellow }, settled ? '' : (reasons[0] ?? 'changing')];
}

/** What keeps a change from being settled, a sentence each. */
export function unsettledReasons({ status, problem }: SettleLook): string[] {
  const missing = status?.policy.missing ?? [];
  return [
    ...(problem ? [`the server cannot be asked: ${problem}`] : []),
    ...(missing.length > 0 ? [`the policy is not in force on ${missing.join(', ')}`] : []),
    ...(status?.policy.fabrics ?? []).map((fabric) => `the policy is not in force on ${behindText(fabric)}`),
    ...(status?.services ?? []).filter((service) => !service.settled).flatMap(serviceReasons),
  ];
}

/** `Fabric aci: unreachable: connect ECONNREFUSED` */
export const behindText = ({ fabric, state, problem }: FabricBehind): string =>
  `Fabric ${fabric}: ${state}${problem === undefined ? '' : `: ${problem}`}`;

function serviceReasons({ service, replicas, running, healthy, reasons }: ServiceView): string[] {
  const state = `${service}: ${running} of ${replicas} running, ${healthy} healthy`;
  return reasons.length === 0 ? [state] : reasons.map((reason) => `${state}: ${reason}`);
}

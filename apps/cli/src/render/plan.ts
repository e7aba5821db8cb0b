import type { ChangedObject, PathLine, Plan, PlannedStart, PlannedStop } from '../api/types';
import type { Style } from './style';
import { rowLines, type Cell, type Row } from './table';
import { count } from './words';

/** What happens to the containers, as a person would say it. */
export interface ContainerSteps {
  /** One takes the place of another on the same host. */
  readonly replaced: readonly { readonly stop: PlannedStop; readonly start: PlannedStart }[];
  /** One takes the place of another that was on another host. */
  readonly moved: readonly { readonly stop: PlannedStop; readonly start: PlannedStart }[];
  readonly started: readonly PlannedStart[];
  /** To be started, but no host takes it. */
  readonly unplaced: readonly PlannedStart[];
  readonly stopped: readonly PlannedStop[];
}

/**
 * The starts and stops of a plan by what they are together; which belong together is said by the plan. Every start and every
 * stop appears exactly once in the result.
 */
export function containerSteps({
  start,
  stop,
}: {
  readonly start: readonly PlannedStart[];
  readonly stop: readonly PlannedStop[];
}): ContainerSteps {
  const left = new Map(stop.map((planned) => [planned.allocation, planned]));
  const pairs: { stop: PlannedStop; start: PlannedStart }[] = [];
  const alone = start.filter((planned) => {
    const replaced = planned.replaces === undefined ? undefined : left.get(planned.replaces);
    if (!replaced) return true;
    left.delete(replaced.allocation);
    pairs.push({ stop: replaced, start: planned });
    return false;
  });
  const isMove = (pair: (typeof pairs)[number]): boolean => pair.stop.host !== pair.start.host;
  return {
    replaced: pairs.filter((pair) => !isMove(pair)),
    moved: pairs.filter(isMove),
    started: alone.filter(({ host }) => host !== undefined),
    unplaced: alone.filter(({ host }) => host === undefined),
    stopped: [...left.values()],
  };
}

/** A plan for people: objects, containers, connections, and a line that sums up. */
export function planLines(plan: Plan, style: Style, width?: number): string[] {
  const steps = containerSteps(plan.containers);
  const { opened, closed } = plan.paths;
  const sections = [
    section('Objects', objectRows(plan.changed, style), style, width),
    section('Containers', containerRows(steps, style), style, width),
    section('Connections', [...pathRows(opened, '+', style.green), ...pathRows(closed, '-', style.red)], style, width),
  ];
  return [...sections.flat(), summary(plan, steps)];
}

function section(title: string, rows: readonly Row[], style: Style, width: number | undefined): string[] {
  if (rows.length === 0) return [];
  return [style.bold(title), ...rowLines(rows, width && width - 2).map((line) => `  ${line}`), ''];
}

const SIGN = { created: '+', updated: '~', deleted: '-' } as const;

function objectRows(changed: readonly ChangedObject[], style: Style): Cell[][] {
  const paint = { created: style.green, updated: style.yellow, deleted: style.red };
  return changed.map(({ key, action }) => [{ text: SIGN[action], paint: paint[action] }, key, action]);
}

function containerRows({ replaced, moved, started, unplaced, stopped }: ContainerSteps, style: Style): Cell[][] {
  const sign = (text: string, paint: (text: string) => string): Cell => ({ text, paint });
  return [
    ...started.map((s) => [sign('+', style.green), s.service, `starts on ${s.host}`, s.reason]),
    ...unplaced.map((s) => [sign('!', style.red), s.service, 'fits on no host', s.reason]),
    ...moved.map((m) => [
      sign('>', style.yellow),
      m.stop.service,
      `moves from ${m.stop.host} to ${m.start.host}`,
      `${nameOf(m.stop.allocation)}: ${m.stop.reason}`,
    ]),
    ...replaced.map((r) => [
      sign('~', style.yellow),
      r.stop.service,
      `is replaced on ${r.stop.host}`,
      `${nameOf(r.stop.allocation)}: ${r.stop.reason}`,
    ]),
    ...stopped.map((s) => [
      sign('-', style.red),
      s.service,
      `stops on ${s.host}`,
      `${nameOf(s.allocation)}: ${s.reason}`,
    ]),
  ];
}

function pathRows(paths: readonly PathLine[], sign: '+' | '-', paint: (text: string) => string): Cell[][] {
  return paths.map(({ source, destination, traffic, origin }) => [
    { text: sign, paint },
    source,
    `-> ${destination}`,
    traffic,
    origin,
  ]);
}

const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

function summary(plan: Plan, steps: ContainerSteps): string {
  if (plan.changed.length === 0) return 'Nothing would change.';
  const { opened, closed } = plan.paths;
  const containers = [
    `${steps.started.length} to start`,
    `${steps.stopped.length} to stop`,
    `${steps.moved.length} to move`,
    ...(steps.replaced.length > 0 ? [`${steps.replaced.length} to replace`] : []),
    ...(steps.unplaced.length > 0 ? [`${steps.unplaced.length} without a host`] : []),
  ];
  return [
    `Plan: ${count(plan.changed.length, 'object')} to change`,
    `containers ${containers.join(', ')}`,
    `connections ${opened.length} to open, ${closed.length} to close.`,
  ].join('; ');
}

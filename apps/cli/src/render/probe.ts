import type { ProbeAnswer, ProbeEntry, ProbeMissing, ProbePeer } from '../api/types';
import type { Style } from './style';
import { tableLines, type Cell } from './table';
import { count } from './words';

export const isMismatch = ({ expected, observed }: ProbeEntry): boolean => expected !== observed;

/** How many probes did not end as the policy says; never fewer than the server counts. */
export const mismatchCount = (answer: ProbeAnswer): number =>
  Math.max(answer.mismatches, answer.results.filter(isMismatch).length);

/** How many wanted instances could not be probed. */
export const missingCount = ({ missing }: ProbeAnswer): number =>
  missing.reduce((total, { instances }) => total + instances, 0);

/** Expected against observed: a matrix of EPG by EPG and port, every mismatch in detail, and what could not be tried, and a line that sums
 * up. */
export function probeLines(answer: ProbeAnswer, style: Style): string[] {
  if (answer.results.length === 0)
    return [
      'there is nothing to try: no containers are running, or no service has a port',
      ...missingLines(answer, style),
    ];
  return [
    style.dim(LEGEND),
    ...matrixLines(answer.results, style),
    ...mismatchLines(answer.results, style),
    ...missingLines(answer, style),
    '',
    summaryLine(answer, style),
  ];
}

const LEGEND = 'what the policy expects, and how many connections were observed to be so:';

function matrixLines(results: readonly ProbeEntry[], style: Style): string[] {
  const sources = [...new Set(results.map((r) => shortEpg(r.source)))].sort();
  const targets = [...new Set(results.map(targetOf))].sort();
  const cells = new Map<string, ProbeEntry[]>();
  for (const result of results) {
    const key = `${shortEpg(result.source)} ${targetOf(result)}`;
    cells.set(key, [...(cells.get(key) ?? []), result]);
  }
  const rows = sources.map((source) => [
    source,
    ...targets.map((target) => matrixCell(cells.get(`${source} ${target}`) ?? [], style)),
  ]);
  return tableLines(['FROM \\ TO', ...targets], rows, { paintHeader: style.bold });
}

/** `open 6`: six were expected open and are; `open 5/6!`: one of six is not. */
function matrixCell(results: readonly ProbeEntry[], style: Style): Cell {
  if (results.length === 0) return '-';
  const parts = (['open', 'closed'] as const).flatMap((expected) => {
    const all = results.filter((result) => result.expected === expected);
    const good = all.filter((result) => !isMismatch(result)).length;
    if (all.length === 0) return [];
    return [good === all.length ? `${expected} ${good}` : `${expected} ${good}/${all.length}!`];
  });
  const paint = results.some(isMismatch)
    ? style.red
    : results.some((r) => r.expected === 'open')
      ? style.green
      : style.dim;
  return { text: parts.join(', '), paint };
}

function mismatchLines(results: readonly ProbeEntry[], style: Style): string[] {
  const bad = results.filter(isMismatch);
  if (bad.length === 0) return [];
  return ['', style.bold('Mismatches'), ...bad.map((result) => `  ${style.red(mismatchText(result))}`)];
}

function mismatchText({ source, destination, protocol, port, expected, observed, rule, detail }: ProbeEntry): string {
  const from = `${name(source)} (${source.host})`;
  const to = `${name(destination)} ${destination.address} (${destination.host})`;
  const because = rule ? ` by ${rule}` : '';
  return `${from} -> ${to} ${protocol} ${port}: expected ${expected}${because}, observed ${observed}${detail ? `: ${detail}` : ''}`;
}

function missingLines({ missing }: ProbeAnswer, style: Style): string[] {
  if (missing.length === 0) return [];
  return ['', style.bold('Not probed'), ...missing.map((one) => `  ${style.red(missingText(one))}`)];
}

function missingText({ service, instances, allocation, host, reason }: ProbeMissing): string {
  const what = allocation === undefined ? `${count(instances, 'instance')} of ${last(service)}` : last(allocation);
  return `${what}${host === undefined ? '' : ` (${host})`}: ${reason}`;
}

function summaryLine(answer: ProbeAnswer, style: Style): string {
  const bad = mismatchCount(answer);
  const missing = missingCount(answer);
  const tried = `${count(answer.results.length, 'connection')} tried, ${
    bad === 0 ? 'all as the policy says' : count(bad, 'mismatch', 'mismatches')
  }`;
  if (missing > 0) return style.red(`${tried}; ${count(missing, 'instance')} not probed`);
  return bad === 0 ? style.green(tried) : style.red(tried);
}

/** Every result row, for `-o wide`. */
export function probeRows(results: readonly ProbeEntry[], style: Style): { header: string[]; rows: Cell[][] } {
  return {
    header: ['FROM', 'HOST', 'TO', 'HOST', 'PORT', 'EXPECTED', 'OBSERVED', 'MS', 'RULE'],
    rows: results.map((result) => [
      name(result.source),
      result.source.host,
      name(result.destination),
      result.destination.host,
      `${result.protocol} ${result.port}`,
      result.expected,
      { text: result.observed, paint: isMismatch(result) ? style.red : style.green },
      String(Math.round(result.milliseconds)),
      [result.rule ?? '-', result.detail].filter(Boolean).join(', '),
    ]),
  };
}

const last = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
const name = (peer: ProbePeer): string => last(peer.allocation);
const shortEpg = (peer: ProbePeer): string => last(peer.epg);
const targetOf = ({ destination, protocol, port }: ProbeEntry): string =>
  `${shortEpg(destination)} ${protocol}/${port}`;

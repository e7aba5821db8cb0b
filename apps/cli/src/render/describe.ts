import type { EventFact, HeddleObject, RuleList } from '@heddle/model';
import { pathOfObject } from '../objects/paths';
import type { Relation } from '../objects/relations';
import { eventRows } from './events';
import { parts, texts, word, type Observed } from './observed';
import { yamlText } from './output';
import type { Style } from './style';
import { rowLines, type Row } from './table';

export interface Description {
  readonly object: HeddleObject;
  readonly relations: readonly Relation[];
  /** Oldest first. */
  readonly events: readonly EventFact[];
  /** Of a contract: its rules, or why they are not known. */
  readonly rules?: RuleList | { readonly unknown: string };
}

/** All there is to say about one object: what it is, what is wanted, how it is, what belongs to it, what happened. */
export function describeLines({ object, relations, events, rules }: Description, style: Style, now: number): string[] {
  const { metadata, spec } = object;
  const { drops, given, refused, ...status } = object.status ?? {};
  return [
    style.bold(`${object.kind} ${pathOfObject(object)}`),
    ...indented(rowLines(metadataRows(metadata))),
    ...section('Spec', indented(yamlLines(spec)), style),
    ...(object.status ? section('Status', indented(yamlLines(status)), style) : []),
    ...refusedSection(parts({ refused }, 'refused'), style),
    ...(given === undefined ? [] : section('VLANs', indented(rowLines(parts({ given }, 'given').map(vlanRow))), style)),
    ...(isCounts(drops) ? section('Dropped packets', indented(rowLines(dropRows(drops))), style) : []),
    ...section('Relations', indented(rowLines(relations.map(relationRow))), style),
    ...(rules ? section('Rules', indented(ruleLines(rules)), style) : []),
    ...section('Events', indented(rowLines(eventRows(events, style, now))), style),
  ];
}

function metadataRows(metadata: HeddleObject['metadata']): Row[] {
  const { uid, revision, generation, labels = {}, annotations = {} } = metadata;
  const pairs = (entries: Readonly<Record<string, string>>): string[] =>
    Object.entries(entries).map(([key, value]) => `${key}=${value}`);
  return [
    ...(uid ? [['uid', uid]] : []),
    ...(revision === undefined ? [] : [['revision', `${revision}, generation ${generation ?? '-'}`]]),
    ...(Object.keys(labels).length > 0 ? [['labels', pairs(labels).join(', ')]] : []),
    ...(Object.keys(annotations).length > 0 ? [['annotations', pairs(annotations).join(', ')]] : []),
  ];
}

/** Each rule with the cookie of its flows: what leads from a flow on a switch back to here. */
function ruleLines(rules: NonNullable<Description['rules']>): string[] {
  if ('unknown' in rules) return [`(unknown: ${rules.unknown})`];
  const rows = rules.items.map(({ cookie, action, source, destination, traffic }): Row => [
    cookie,
    action,
    `${source} -> ${destination}`,
    traffic,
  ]);
  const more = rules.total - rules.items.length;
  return [...rowLines(rows), ...(more > 0 ? [`and ${more} more`] : [])];
}

const isCounts = (value: unknown): value is Readonly<Record<string, number>> =>
  typeof value === 'object' && value !== null;

/** What the switch of a host dropped, the most first; what it never had to is not worth a line. */
const dropRows = (drops: Readonly<Record<string, number>>): Row[] =>
  Object.entries(drops)
    .filter(([, packets]) => packets > 0)
    .sort(([, a], [, b]) => b - a)
    .map(([reason, packets]) => [reason, String(packets)]);

/** The hosts that do not offer a Domain, and why. */
const refusedSection = (refused: readonly NonNullable<Observed>[], style: Style): string[] =>
  refused.length === 0
    ? []
    : section(
        'Not offered by',
        indented(rowLines(refused.map((each) => [word(each, 'host'), word(each, 'reason')]))),
        style,
      );

/** A VLAN of a Domain's pool with whose it is, or for whom it rests. */
function vlanRow(given: NonNullable<Observed>): Row {
  const waitsFor = given['waitsFor'] === undefined ? undefined : texts(given, 'waitsFor');
  const resting = waitsFor && (waitsFor.length === 0 ? 'resting' : `resting until ${waitsFor.join(', ')} let go of it`);
  return [word(given, 'vlan'), word(given, 'epg'), ...(resting === undefined ? [] : [resting])];
}

const relationRow = ({ relation, key, note }: Relation): Row => [relation, key, ...(note ? [note] : [])];

const section = (title: string, lines: readonly string[], style: Style): string[] => [
  style.bold(title),
  ...(lines.length > 0 ? lines : ['  (none)']),
];

const yamlLines = (value: unknown): string[] => yamlText(value).trimEnd().split('\n');

const indented = (lines: readonly string[]): string[] => lines.map((line) => `  ${line}`);

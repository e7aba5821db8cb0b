import type { FilterEntry, HeddleObject, Kind, PortRange, ServicePort, Uplink } from '@heddle/model';
import { pathOfObject } from '../objects/paths';
import { age } from './age';
import { attachmentText, trafficText, whereText } from './endpoint';
import { amount, part, text, texts, word, type Observed } from './observed';
import type { Style } from './style';
import type { Cell } from './table';
import { bytes } from './words';

/** What a cell may depend on apart from its object. */
export interface CellContext {
  readonly style: Style;
  /** Milliseconds since the epoch, for ages. */
  readonly now: number;
}

export interface Column<K extends Kind = Kind> {
  readonly title: string;
  /** Shown with `-o wide` only. */
  readonly wide?: boolean;
  readonly cell: (object: HeddleObject<K>, context: CellContext) => Cell;
}

type ColumnsByKind = { readonly [K in Kind]: readonly Column<K>[] };

/** What a table shows of each kind, after the path. */
const COLUMNS: ColumnsByKind = {
  Tenant: [
    { title: 'GATEWAY', cell: ({ spec }) => spec.network.gateway },
    { title: 'DESCRIPTION', wide: true, cell: ({ spec }) => spec.description ?? '-' },
  ],
  Fabric: [
    { title: 'DRIVER', cell: ({ spec }) => spec.driver },
    { title: 'DOMAINS', cell: ({ status }) => list(texts(status, 'domains')) },
    { title: 'LEAVES', cell: ({ status }) => list(texts(status, 'leaves')) },
    { title: 'VLANS', cell: ({ status }) => vlansText(status) },
    {
      title: 'CONTROLLERS',
      wide: true,
      cell: ({ spec }) => (spec.driver === 'apic' ? list(spec.controllers) : '-'),
    },
  ],
  Domain: [
    { title: 'DRIVER', cell: ({ spec }) => spec.driver },
    {
      title: 'ENCAPSULATION',
      cell: ({ spec }) => (spec.driver === 'ovs' ? spec.encapsulation : `vlan, ${spec.tagging}`),
    },
    { title: 'FABRIC', cell: ({ spec }) => spec.fabric ?? '-' },
    { title: 'VLANS', cell: ({ spec }) => spec.vlans ?? '-' },
    { title: 'USED', cell: ({ status }) => vlansText(status) },
    { title: 'UPLINK', wide: true, cell: ({ spec }) => spec.uplink ?? '-' },
    { title: 'MODE', wide: true, cell: ({ spec }) => (spec.driver === 'macvlan' ? spec.mode : '-') },
    { title: 'HOSTS', wide: true, cell: ({ status }) => list(texts(status, 'hosts')) },
  ],
  Host: [
    { title: 'STATE', cell: ({ status }, { style }) => stateCell(word(status, 'state'), style) },
    { title: 'SINCE', cell: ({ status }, { now }) => age(text(status, 'since'), now) },
    { title: 'ROLE', cell: ({ spec }) => spec.role },
    { title: 'UNDERLAY', cell: ({ spec }) => spec.underlay },
    { title: 'CPU', cell: ({ spec }) => String(spec.capacity.cpu) },
    { title: 'MEMORY', cell: ({ spec }) => bytes(spec.capacity.memory) },
    { title: 'CONTAINERS', cell: ({ status }) => word(part(status, 'usage'), 'containers') },
    { title: 'FLOWS', wide: true, cell: ({ status }) => word(part(status, 'usage'), 'flows') },
    { title: 'POLICY', wide: true, cell: ({ status }) => word(status, 'policyPosition') },
    { title: 'ZONE', wide: true, cell: ({ spec }) => spec.zone },
    { title: 'DOMAINS', wide: true, cell: ({ status }) => list(texts(status, 'domains')) },
    { title: 'UPLINKS', wide: true, cell: ({ spec }) => list(Object.entries(spec.uplinks).map(uplinkText)) },
    { title: 'PROBLEMS', wide: true, cell: ({ status }) => list(texts(status, 'problems')) },
  ],
  Vrf: [{ title: 'ENFORCEMENT', cell: ({ spec }) => spec.enforcement }],
  BridgeDomain: [
    { title: 'VRF', cell: ({ spec }) => spec.vrf },
    { title: 'GATEWAYS', cell: ({ spec }) => list(spec.subnets.map((subnet) => subnet.gateway)) },
  ],
  Filter: [{ title: 'ENTRIES', cell: ({ spec }) => list(spec.entries.map(entryText)) }],
  Contract: [
    { title: 'SCOPE', cell: ({ spec }) => spec.scope },
    { title: 'SUBJECTS', cell: ({ spec }) => list(spec.subjects.map((s) => `${s.action} ${s.filters.join('+')}`)) },
  ],
  App: [
    {
      title: 'SERVICES',
      cell: ({ spec }) => list(Object.entries(spec.services).map(([name, s]) => `${name}×${s.replicas}`)),
    },
    {
      title: 'RUNNING',
      cell: ({ status }) => (status ? `${word(status, 'running')}/${word(status, 'replicas')}` : '-'),
    },
    { title: 'STATE', cell: ({ status }, { style }) => settledCell(status, style) },
    { title: 'CONNECTIONS', cell: ({ spec }) => list(spec.connect.map((c) => `${c.from}→${c.to}:${c.port}`)) },
  ],
  Epg: [
    { title: 'BRIDGE DOMAIN', cell: ({ spec }) => spec.bridgeDomain },
    { title: 'PROVIDES', cell: ({ spec }) => list(spec.provides) },
    { title: 'CONSUMES', cell: ({ spec }) => list(spec.consumes) },
    { title: 'DOMAIN', wide: true, cell: ({ spec }) => spec.domain },
    { title: 'ISOLATION', wide: true, cell: ({ spec }) => spec.isolation },
  ],
  Service: [
    { title: 'WANTED', cell: ({ spec }) => String(spec.replicas) },
    { title: 'RUNNING', cell: ({ status }) => word(status, 'running') },
    { title: 'HEALTHY', cell: ({ status }) => word(status, 'healthy') },
    { title: 'CURRENT', cell: ({ status }) => word(status, 'current') },
    { title: 'IMAGE', wide: true, cell: ({ spec }) => spec.image },
    { title: 'PORTS', wide: true, cell: ({ spec }) => list(Object.entries(spec.ports).map(portText)) },
    { title: 'STATE', cell: ({ status }, { style }) => settledCell(status, style) },
  ],
  Allocation: [
    { title: 'SERVICE', wide: true, cell: ({ spec }) => spec.service },
    { title: 'HOST', cell: ({ spec }) => spec.host },
    { title: 'PHASE', cell: ({ status }, { style }) => stateCell(word(status, 'phase'), style) },
    { title: 'HEALTHY', cell: ({ status }) => yesNo(status, 'healthy') },
    { title: 'ADDRESS', cell: ({ status }) => list(texts(status, 'addresses')) },
    { title: 'RESTARTS', cell: ({ status }) => word(status, 'restarts') },
    { title: 'AGE', cell: ({ status }, { now }) => age(text(status, 'startedAt'), now) },
    { title: 'CONTAINER', wide: true, cell: ({ status }) => text(status, 'containerId')?.slice(0, 12) ?? '-' },
    { title: 'REASON', cell: ({ status }) => text(status, 'reason') ?? '' },
  ],
  Endpoint: [
    { title: 'KIND', cell: ({ spec }) => spec.endpointKind },
    { title: 'EPG', cell: ({ status }) => word(status, 'epg') },
    { title: 'ADDRESS', cell: ({ spec }) => list(spec.addresses) },
    { title: 'WHERE', cell: (endpoint) => whereText(endpoint) },
    { title: 'SINCE', cell: ({ status }, { now }) => age(text(status, 'since'), now) },
    { title: 'TRAFFIC', cell: (endpoint) => trafficText(endpoint) },
    { title: 'MAC', wide: true, cell: ({ spec }) => spec.mac },
    { title: 'ATTACHED', wide: true, cell: (endpoint) => attachmentText(endpoint) },
    { title: 'PROBLEMS', wide: true, cell: ({ status }) => list(texts(status, 'problems')) },
  ],
};

const EVERY: readonly Column[] = [
  { title: 'REVISION', wide: true, cell: ({ metadata }) => String(metadata.revision ?? '-') },
  {
    title: 'LABELS',
    wide: true,
    cell: ({ metadata }) => list(Object.entries(metadata.labels ?? {}).map(([key, value]) => `${key}=${value}`)),
  },
];

/** Header and rows of a table of objects of one kind. */
export function objectRows(
  kind: Kind,
  objects: readonly HeddleObject[],
  wide: boolean,
  context: CellContext,
): { readonly header: string[]; readonly rows: Cell[][] } {
  const columns = [...(COLUMNS[kind] as readonly Column[]), ...EVERY].filter((column) => wide || !column.wide);
  return {
    header: ['NAME', ...columns.map((column) => column.title)],
    rows: objects.map((object) => [pathOfObject(object), ...columns.map((column) => column.cell(object, context))]),
  };
}

function yesNo(status: Observed, key: string): string {
  const value = status?.[key];
  return typeof value === 'boolean' ? (value ? 'yes' : 'no') : '-';
}

const list = (items: readonly string[]): string => (items.length === 0 ? '-' : items.join(', '));

const GOOD = new Set(['ready', 'running']);
const BAD = new Set(['lost', 'failed', 'backoff']);

/** A state in the colour that says whether to worry. */
export function stateCell(state: string, style: Style): Cell {
  const paint = GOOD.has(state) ? style.green : BAD.has(state) ? style.red : style.yellow;
  return { text: state, paint };
}

/** How many VLANs of a pool are given, how many are free, and how many rest until no host may hold them. */
function vlansText(status: Observed): string {
  const vlans = part(status, 'vlans');
  if (!vlans) return '-';
  const resting = amount(vlans, 'resting') ?? 0;
  const parts = [
    `${word(vlans, 'used')} used`,
    ...(resting > 0 ? [`${resting} resting`] : []),
    `${word(vlans, 'free')} free`,
  ];
  return parts.join(', ');
}

const uplinkText = ([name, { interface: device, leaf, port }]: [string, Uplink]): string =>
  `${name}:${device}${leaf === undefined ? '' : `→${leaf}/${port ?? '?'}`}`;

function settledCell(status: Observed, style: Style): Cell {
  if (status?.['settled'] === true) return { text: 'settled', paint: style.green };
  const unknown = text(status, 'unknown');
  if (unknown !== undefined) return { text: `not known: ${unknown}`, paint: style.yellow };
  const [reason] = texts(status, 'reasons');
  return { text: reason ?? (status ? 'changing' : '-'), paint: style.yellow };
}

function entryText(entry: FilterEntry): string {
  const ports = entry.destinationPorts ? ` ${rangeText(entry.destinationPorts)}` : '';
  return `${entry.protocol === 'unspecified' ? 'any' : entry.protocol}${ports}`;
}

const rangeText = ({ from, to }: PortRange): string => (from === to ? String(from) : `${from}-${to}`);

const portText = ([name, { port, protocol }]: [string, ServicePort]): string => `${name}:${port}/${protocol}`;

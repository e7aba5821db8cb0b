/** One direction of a connection. ICMP has `id`, `type` and `code` in place of ports. */
export interface Tuple {
  readonly src: string;
  readonly dst: string;
  readonly sport?: number;
  readonly dport?: number;
}

/** An entry of the connection table. */
export interface Connection {
  /** `tcp`, `udp`, `icmp`, ... */
  readonly protocol: string;
  /** As the first packet had it, before any NAT. */
  readonly original: Tuple;
  readonly reply: Tuple;
  readonly zone: number;
  readonly mark: number;
  /** State of the protocol, such as `ESTABLISHED`. */
  readonly state?: string;
  /** The line as the switch wrote it. */
  readonly text: string;
}

function readTuple(text: string | undefined): Tuple {
  const fields = new Map((text ?? '').split(',').map((part) => part.split('=', 2) as [string, string]));
  const number = (name: string): number | undefined => {
    const value = fields.get(name);
    return value === undefined ? undefined : Number(value);
  };
  return { src: fields.get('src') ?? '', dst: fields.get('dst') ?? '', sport: number('sport'), dport: number('dport') };
}

/** Reads what `dpctl/dump-conntrack` prints, one connection a line. */
export function readConntrack(text: string): Connection[] {
  const lines = text.split('\n').filter((line) => line.includes('orig=('));
  return lines.map((line) => ({
    protocol: line.slice(0, line.indexOf(',')),
    original: readTuple(/orig=\(([^)]*)\)/.exec(line)?.[1]),
    reply: readTuple(/reply=\(([^)]*)\)/.exec(line)?.[1]),
    zone: Number(/,zone=(\d+)/.exec(line)?.[1] ?? 0),
    mark: Number(/,mark=(\d+)/.exec(line)?.[1] ?? 0),
    state: /state=(\w+)/.exec(line)?.[1],
    text: line,
  }));
}

import { isAlias, isMap, isNode, isScalar, isSeq, type Document, type LineCounter, type YAMLMap } from 'yaml';
import type { Problem } from './error';
import { expand } from './expand/expand';
import { writtenField } from './expand/origin';
import { keyOf, parseKey } from './key';
import { parseDocuments } from './parse';

/** `Epg acme/shop/web spec.consumes[0]`; without a field it is the whole object. */
const PLACE = /^([A-Za-z]+) (\S+)(?: (.+))?$/;

/**
 * Gives line and column to problems that name an object of this text, as admission and the owners of objects find them:
 * those of the field, or of the nearest one around it that is written there. What a problem says of an object that a short
 * form of the text generates is placed where the short form says it. Problems of other objects stay as they are.
 *
 * The text is read anew: whole trees of nodes are not kept for changes that wait for their turn.
 * @param text one that {@link parseObjects} accepts
 */
export function locateProblems(text: string, problems: readonly Problem[]): Problem[] {
  const named = problems.some(({ path, line }) => line === undefined && PLACE.test(path));
  if (!named) return [...problems];
  const { parsed, lines } = parseDocuments(text);
  const written = new Map(parsed.map((source) => [keyOf(source.object), source]));
  const generated = new Map(parsed.flatMap((source) => expand(source.object).map((part) => [keyOf(part), source])));
  const walk = new Walk(lines);
  return problems.map((problem) => {
    const [, kind, path, field = ''] = PLACE.exec(problem.path) ?? [];
    if (problem.line !== undefined || kind === undefined) return problem;
    const key = `${kind}/${path}`;
    const source = written.get(key);
    if (source) return { ...problem, ...walk.to(source.document, field) };
    const owner = generated.get(key);
    if (owner) return { ...problem, ...walk.to(owner.document, writtenField(owner.object, parseKey(key), field)) };
    return problem;
  });
}

/** Finds nodes by the text of their paths. */
class Walk {
  private readonly entries = new WeakMap<YAMLMap, ReadonlyMap<string, unknown>>();

  constructor(private readonly lines: LineCounter) {}

  /** Line and column, 1-based, of the deepest node on the way to a field. */
  to(document: Document.Parsed, field: string): Pick<Problem, 'line' | 'column'> {
    let node: unknown = document.contents;
    let at = document.contents?.range?.[0];
    for (let rest = field; rest !== '';) {
      const step = this.step(isAlias(node) ? node.resolve(document) : node, rest);
      if (!step) break;
      ({ node, rest } = step);
      if (isNode(node) && node.range) at = node.range[0];
    }
    if (at === undefined) return {};
    const { line, col } = this.lines.linePos(at);
    return { line, column: col };
  }

  /** One name or index further. A name may hold dots (of a label, say), so the longest that is there is taken. */
  private step(node: unknown, rest: string): { node: unknown; rest: string } | undefined {
    if (isSeq(node)) {
      const [whole, index] = /^\[(\d+)\]\.?/.exec(rest) ?? [];
      const item = index === undefined ? undefined : node.items[Number(index)];
      return whole === undefined || item === undefined ? undefined : { node: item, rest: rest.slice(whole.length) };
    }
    if (!isMap(node)) return undefined;
    const entries = this.entriesOf(node);
    const ends = [...rest.matchAll(/[.[]/g)].map(({ index }) => index);
    for (const end of [rest.length, ...ends.reverse()]) {
      const name = rest.slice(0, end);
      if (entries.has(name)) return { node: entries.get(name), rest: rest.slice(end).replace(/^\./, '') };
    }
    return undefined;
  }

  private entriesOf(map: YAMLMap): ReadonlyMap<string, unknown> {
    const known = this.entries.get(map);
    if (known) return known;
    const entries = new Map(
      map.items.map(({ key, value }) => [String(isScalar(key) ? key.value : key), value] as const),
    );
    this.entries.set(map, entries);
    return entries;
  }
}

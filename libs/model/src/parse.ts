import { LineCounter, isNode, parseAllDocuments, type Document } from 'yaml';
import { HeddleError, type Problem } from './error';
import { KINDS, findKind, objectSchema, type AnyObject } from './kinds';
import { explainIssues } from './problems';

/** The largest text that is read, in UTF-16 units; more is refused before it is parsed. */
export const MAX_TEXT = 1024 * 1024;
/** The most objects in one text. */
export const MAX_OBJECTS = 10_000;

/** An object and where its document begins in the text (1-based line). */
export interface ParsedObject {
  readonly object: AnyObject;
  readonly line: number;
}

/**
 * Reads a file of objects: YAML (one or more documents) or JSON. The whole text is refused if anything in it is wrong;
 * the error carries every problem with its path, line and column.
 *
 * @throws HeddleError `limit` when the text is too large, `invalid` with problems otherwise.
 */
export function parseObjects(text: string): ParsedObject[] {
  const { parsed, lines } = parseDocuments(text);
  return parsed.map(({ object, document }) => ({
    object,
    line: lines.linePos(document.contents?.range?.[0] ?? 0).line,
  }));
}

/** As {@link parseObjects}, with the nodes that each object was made from. */
export function parseDocuments(text: string): {
  readonly parsed: readonly { readonly object: AnyObject; readonly document: Document.Parsed }[];
  readonly lines: LineCounter;
} {
  if (text.length > MAX_TEXT) {
    throw new HeddleError(
      'limit',
      `the input has ${text.length} characters; allowed are ${MAX_TEXT}: split it into several files`,
    );
  }
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines, uniqueKeys: true, strict: true });
  if (!Array.isArray(documents)) return { parsed: [], lines };
  if (documents.length > MAX_OBJECTS) {
    throw new HeddleError('limit', `the input has ${documents.length} documents; allowed are ${MAX_OBJECTS}`);
  }
  const problems: Problem[] = [];
  const parsed: { object: AnyObject; document: Document.Parsed }[] = [];
  for (const document of documents as Document.Parsed[]) {
    const faults = [...document.errors, ...document.warnings];
    if (faults.length > 0) {
      problems.push(...faults.map((fault) => syntaxProblem(fault, lines)));
      continue;
    }
    const value = toValue(document, problems, lines);
    if (value === undefined || value === null) continue;
    const result = checkObject(value);
    if (result.object) parsed.push({ object: result.object, document });
    else
      problems.push(...result.problems.map((problem) => locate(problem, result.paths.get(problem), document, lines)));
  }
  refuse(problems);
  return { parsed, lines };
}

/** Reads one object that has been decoded already (a JSON body). */
export function parseObject(value: unknown): AnyObject {
  const result = checkObject(value);
  if (result.object) return result.object;
  refuse(result.problems);
  throw new HeddleError('internal', 'an object was refused without a reason');
}

/** Throws `invalid` with all the problems, the first ones spelled out in the message. */
export function refuse(problems: readonly Problem[]): void {
  if (problems.length === 0) return;
  throw new HeddleError('invalid', problemsText(problems), { problems });
}

/** The message of an error that is about problems: the first ones spelled out, and how many more there are. */
export function problemsText(problems: readonly Problem[]): string {
  const shown = problems.slice(0, 5).map(problemText);
  const more = problems.length > shown.length ? ` (and ${problems.length - shown.length} more)` : '';
  return `${shown.join('; ')}${more}`;
}

/** `line 12, column 9: spec.services.web.replicas: found ...`. */
export function problemText(problem: Problem): string {
  const place = problem.line === undefined ? '' : `line ${problem.line}, column ${problem.column}: `;
  return `${place}${problem.path ? `${problem.path}: ` : ''}${problem.message}`;
}

interface Checked {
  readonly object?: AnyObject;
  readonly problems: Problem[];
  /** The property path of each problem, to find its place in the source. */
  readonly paths: Map<Problem, PropertyKey[]>;
}

function checkObject(value: unknown): Checked {
  const paths = new Map<Problem, PropertyKey[]>();
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return {
      problems: [
        {
          path: '',
          message: `found ${Array.isArray(value) ? 'a list' : typeof value}; expected an object with apiVersion, kind, metadata and spec`,
        },
      ],
      paths,
    };
  }
  const word = (value as Record<string, unknown>)['kind'];
  const kind = typeof word === 'string' ? findKind(word) : undefined;
  if (!kind || kind.kind !== word) {
    const allowed = KINDS.filter((k) => !k.derived)
      .map((k) => k.kind)
      .join(', ');
    const problem = { path: 'kind', message: `found ${JSON.stringify(word) ?? 'nothing'}; allowed are ${allowed}` };
    return { problems: [problem], paths: paths.set(problem, ['kind']) };
  }
  const result = objectSchema(kind).safeParse(value);
  if (result.success) {
    const { status: _observed, ...object } = result.data;
    return { object: object as unknown as AnyObject, problems: [], paths };
  }
  const problems = result.error.issues.flatMap((issue) =>
    explainIssues([issue], value).map((problem) => {
      paths.set(
        problem,
        issue.code === 'unrecognized_keys'
          ? [...issue.path, ...issue.keys.filter((k) => problem.path.endsWith(k)).slice(0, 1)]
          : [...issue.path],
      );
      return problem;
    }),
  );
  return { problems, paths };
}

function toValue(document: Document.Parsed, problems: Problem[], lines: LineCounter): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    const position = lines.linePos(document.contents?.range?.[0] ?? 0);
    problems.push({
      path: '',
      message: error instanceof Error ? error.message : String(error),
      line: position.line,
      column: position.col,
    });
    return undefined;
  }
}

function syntaxProblem(fault: { message: string; pos: [number, number] }, lines: LineCounter): Problem {
  const position = lines.linePos(fault.pos[0]);
  return {
    path: '',
    message: fault.message.split('\n')[0]?.replace(/ at line \d+, column \d+:?$/, '') ?? 'not YAML',
    line: position.line,
    column: position.col,
  };
}

/** Adds the position of the deepest node on the path that exists in the source. */
function locate(problem: Problem, path: PropertyKey[] = [], document: Document.Parsed, lines: LineCounter): Problem {
  for (let depth = path.length; depth >= 0; depth--) {
    const node: unknown = depth === 0 ? document.contents : document.getIn(path.slice(0, depth), true);
    if (isNode(node) && node.range) {
      const position = lines.linePos(node.range[0]);
      return { ...problem, line: position.line, column: position.col };
    }
  }
  return problem;
}

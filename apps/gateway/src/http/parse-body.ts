import {
  explainIssues,
  HeddleError,
  locateProblems,
  parseObject,
  parseObjects,
  problemsText,
  refuse,
  type AnyObject,
  type Problem,
} from '@heddle/model';
import type { z } from 'zod';
import { ApiError, malformed } from './api-error';
import type { TextBody } from './read-body';

/**
 * The objects of a file: YAML documents, a JSON object, or a JSON list. All of it is refused if anything is wrong.
 * @throws HeddleError `invalid` with the place of every mistake, `limit`
 */
export function readObjects(body: TextBody): AnyObject[] {
  if (body.text.trim() === '') throw malformed('the body is empty; expected are objects as YAML or JSON');
  if (body.kind === 'json' || startsList(body.text)) {
    const value = parseJson(body);
    if (Array.isArray(value)) return readList(value);
  }
  const objects = readText(body);
  if (objects.length === 0) throw malformed('the body holds no objects');
  return objects;
}

/** One object, for a PUT. */
export function readObject(body: TextBody): AnyObject {
  const objects = readObjects(body);
  const [object] = objects;
  if (!object || objects.length > 1) {
    throw new HeddleError(
      'invalid',
      `found ${objects.length} objects; allowed is one. POST /api/v1/apply takes several`,
    );
  }
  return object;
}

/**
 * Gives the problems that are found later, in admission or by the owners of objects, the line and column at which the body
 * says what they are about. A JSON list has none, as nobody writes it by hand.
 */
export async function withPlaces<T>({ text }: TextBody, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof HeddleError) || error.problems.length === 0 || startsList(text)) throw error;
    const { code, retryable, problems: found } = error;
    const problems = locateProblems(text, found);
    // Only a message that is made of the problems can be made of them again.
    const message = error.message === problemsText(found) ? problemsText(problems) : error.message;
    throw new HeddleError(code, message, { cause: error, retryable, problems });
  }
}

/** A small JSON body with a schema of its own. */
export function readJson<T>(body: TextBody, schema: z.ZodType<T>): T {
  const value = body.text.trim() === '' ? {} : parseJson(body);
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  refuse(explainIssues(result.error.issues, value));
  throw new HeddleError('internal', 'a body was refused without a reason');
}

/** Text that can only be JSON: YAML would read a list as well, but its documents are objects here. */
const startsList = (text: string): boolean => /^\s*\[/.test(text);

function parseJson({ text, kind }: TextBody): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw malformed(
      `the body is not JSON: ${reason}${kind === 'json' ? '. For YAML send content-type: application/yaml' : ''}`,
      error,
    );
  }
}

function readText({ text }: TextBody): AnyObject[] {
  try {
    return parseObjects(text).map(({ object }) => object);
  } catch (error) {
    // A fault without a path is one of the syntax: this is no YAML at all.
    if (
      error instanceof HeddleError &&
      error.problems.length > 0 &&
      error.problems.every((p) => p.path === '' && p.line !== undefined)
    ) {
      throw new ApiError(400, error);
    }
    throw error;
  }
}

function readList(values: readonly unknown[]): AnyObject[] {
  const problems: Problem[] = [];
  const objects = values.flatMap((value, index) => {
    try {
      return [parseObject(value)];
    } catch (error) {
      if (!(error instanceof HeddleError) || error.problems.length === 0) throw error;
      problems.push(
        ...error.problems.map((p) => ({ ...p, path: p.path === '' ? `[${index}]` : `[${index}].${p.path}` })),
      );
      return [];
    }
  });
  refuse(problems);
  return objects;
}

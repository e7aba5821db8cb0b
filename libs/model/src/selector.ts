import { HeddleError } from './error';
import type { Labels } from './metadata';

/** One requirement of a label selector. */
export interface Requirement {
  readonly key: string;
  readonly operator: '=' | '!=' | 'in' | 'notin' | 'exists' | '!exists';
  readonly values: readonly string[];
}

const KEY = '[A-Za-z0-9][A-Za-z0-9_./-]*';
const FORMS: readonly [RegExp, (m: RegExpExecArray) => Requirement][] = [
  [new RegExp(`^(${KEY})\\s+(in|notin)\\s*\\(([^()]*)\\)$`), (m) => ({ key: m[1]!, operator: m[2] as 'in' | 'notin', values: m[3]!.split(',').map((v) => v.trim()) })],
  [new RegExp(`^(${KEY})\\s*(==|=|!=)\\s*([A-Za-z0-9_.-]*)$`), (m) => ({ key: m[1]!, operator: m[2] === '!=' ? '!=' : '=', values: [m[3]!] })],
  [new RegExp(`^(!?)\\s*(${KEY})$`), (m) => ({ key: m[2]!, operator: m[1] ? '!exists' : 'exists', values: [] })],
]; // prettier-ignore

/**
 * Reads a label selector: `tier=web,env in (prod, test),!legacy` (the syntax of Kubernetes).
 * @throws HeddleError `invalid`.
 */
export function parseSelector(text: string): Requirement[] {
  if (text.trim() === '') return [];
  return splitOutsideParentheses(text).map((part) => {
    for (const [form, read] of FORMS) {
      const match = form.exec(part);
      if (match) return read(match);
    }
    throw new HeddleError(
      'invalid',
      `found selector "${part}"; allowed are key=value, key!=value, key in (a, b), key notin (a, b), key and !key, joined by commas`,
    );
  });
}

function splitOutsideParentheses(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i <= text.length; i++) {
    if (text[i] === '(') depth++;
    else if (text[i] === ')') depth--;
    else if (i === text.length || (text[i] === ',' && depth === 0)) {
      parts.push(text.slice(start, i).trim());
      start = i + 1;
    }
  }
  return parts;
}

/** Whether labels meet every requirement. As in Kubernetes, `!=` and `notin` are met by an absent key. */
export function matches(requirements: readonly Requirement[], labels: Labels): boolean {
  return requirements.every(({ key, operator, values }) => {
    const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
    switch (operator) {
      case '=':
      case 'in':
        return value !== undefined && values.includes(value);
      case '!=':
      case 'notin':
        return value === undefined || !values.includes(value);
      case 'exists':
        return value !== undefined;
      case '!exists':
        return value === undefined;
    }
  });
}

import type { ChangeAnswer } from '../api/types';
import type { Style } from './style';

/** `App/acme/shop updated`, one line for each object of a change. */
export function changeLines({ changed }: ChangeAnswer, style: Style): string[] {
  if (changed.length === 0) return ['nothing had to change'];
  const paint = { created: style.green, updated: style.yellow, deleted: style.red };
  return changed.map(({ key, action }) => `${key} ${paint[action](action)}`);
}

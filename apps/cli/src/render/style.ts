import { createColors } from 'picocolors';

/** Painters of text; each is the identity where colours are off. */
export type Style = ReturnType<typeof createColors>;

export const plainStyle: Style = createColors(false);

/** Colours are for terminals, and for nobody who set NO_COLOR (https://no-color.org) or has a dumb terminal. */
export function styleFor(isTty: boolean, env: NodeJS.ProcessEnv): Style {
  return createColors(isTty && !env['NO_COLOR'] && env['TERM'] !== 'dumb');
}

import { DAEMONS } from '../daemons/daemons';
import type { Register } from './command';

/** Entries of the help only: what follows these words is passed on untouched, before any of it is parsed. */
export const registerDaemons: Register = (program) => {
  for (const { words, description } of DAEMONS) {
    const [name = '', ...more] = words;
    if (more.length === 0) program.command(name).argument('[ARGUMENTS...]').description(description);
  }
};

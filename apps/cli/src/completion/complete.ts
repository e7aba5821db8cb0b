import type { Command, Option } from 'commander';
import { KINDS } from '@heddle/model';

/** What completion asks for names; each answer may be empty. */
export interface NameSource {
  /** Paths of the objects of a kind, as a person wrote it. */
  paths(kind: string): Promise<readonly string[]>;
  contexts(): Promise<readonly string[]>;
}

/** Values of options that are always the same. */
const OPTION_VALUES: Readonly<Record<string, readonly string[]>> = {
  '--output': ['table', 'wide', 'json', 'yaml', 'name'],
};

/**
 * What may stand in the place of the last word.
 * @param words those after the program's name; the last one is incomplete, and may be empty
 */
export async function candidates(program: Command, words: readonly string[], names: NameSource): Promise<string[]> {
  const last = words.at(-1) ?? '';
  const { command, operands, pending } = walk(program, words.slice(0, -1));
  if (pending) return startingWith(last, await optionValues(pending, names));
  if (last.startsWith('-')) return startingWith(last, optionsOf(program, command));
  const subcommands = command.commands.filter((sub) => !isHidden(sub)).map((sub) => sub.name());
  return startingWith(last, [...subcommands, ...(await argumentValues(command, operands, names))]);
}

interface Walk {
  readonly command: Command;
  /** Words given so far that are neither options nor subcommands. */
  readonly operands: readonly string[];
  /** The option whose value the next word is. */
  readonly pending: Option | undefined;
}

function walk(program: Command, words: readonly string[]): Walk {
  let command = program;
  let operands: string[] = [];
  let pending: Option | undefined;
  for (const word of words) {
    if (pending) {
      pending = undefined;
    } else if (word.startsWith('-') && word !== '-') {
      const option = [...command.options, ...program.options].find(
        ({ short, long }) => word === short || word === long,
      );
      pending = option?.required ? option : undefined;
    } else {
      const sub = operands.length === 0 ? command.commands.find((c) => c.name() === word) : undefined;
      if (sub) command = sub;
      else operands = [...operands, word];
    }
  }
  return { command, operands, pending };
}

async function optionValues({ long }: Option, names: NameSource): Promise<readonly string[]> {
  if (long === '--context') return names.contexts();
  if (long === '--tenant') return names.paths('tenants');
  if (long === '--kind') return plurals();
  return OPTION_VALUES[long ?? ''] ?? [];
}

/** By the name that the command gives its argument. */
async function argumentValues(
  command: Command,
  operands: readonly string[],
  names: NameSource,
): Promise<readonly string[]> {
  const name = command.registeredArguments[operands.length]?.name();
  switch (name) {
    case 'KIND':
      return [...plurals(), ...(command.name() === 'get' ? ['all'] : [])];
    case 'PATH':
      return names.paths(operands[0] ?? '');
    case 'SERVICE':
      return names.paths('services');
    case 'APP':
      return names.paths('apps');
    case 'FABRIC':
      return names.paths('fabrics');
    case 'CONTEXT':
      return names.contexts();
    case 'SHELL':
      return ['bash', 'zsh', 'fish'];
    default:
      return [];
  }
}

function optionsOf(program: Command, command: Command): string[] {
  const options = command === program ? program.options : [...command.options, ...program.options];
  return [...options.flatMap(({ long, short }) => long ?? short ?? []), '--help'];
}

const plurals = (): string[] => KINDS.map((kind) => kind.plural);
const isHidden = (command: Command): boolean => command.name().startsWith('_');
const startingWith = (start: string, all: readonly string[]): string[] =>
  [...new Set(all)].filter((word) => word.startsWith(start)).sort();

import { parseArgs } from 'node:util';
import { explainIssues, HeddleError, type Problem } from '@heddle/model';
import type { z } from 'zod';

/**
 * One setting of a program: it is given as `--arg VALUE` or in the environment as `env`; the argument wins. The schema
 * gets the text, or `undefined` when it is not given at all; a `flag` takes no value and gives `true`.
 */
export interface Setting<T> {
  readonly arg: string;
  readonly env?: string;
  readonly flag?: boolean;
  /** Shown by `--help`. */
  readonly help: string;
  readonly schema: z.ZodType<T>;
}

export type Settings<C> = { readonly [K in keyof C]: Setting<C[K]> };

export interface Source {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * Reads all settings once.
 * @throws HeddleError `invalid` with every mistake: unknown arguments, missing and wrong values
 */
export function readSettings<C extends object>(settings: Settings<C>, source: Source): C {
  const entries = Object.entries(settings) as [keyof C & string, Setting<unknown>][];
  const problems: Problem[] = [];
  const given = readArguments(
    entries.map(([, setting]) => setting),
    source.argv,
    problems,
  );
  const result: Partial<Record<string, unknown>> = {};
  for (const [key, setting] of entries) {
    const fromArgument = given.get(setting.arg);
    const fromEnv = setting.env === undefined ? undefined : source.env[setting.env];
    const value = fromArgument ?? (setting.flag ? flagOf(fromEnv) : fromEnv);
    const parsed = setting.schema.safeParse(value);
    if (parsed.success) {
      result[key] = parsed.data;
      continue;
    }
    const place = fromArgument === undefined && fromEnv !== undefined ? `${setting.env}` : `--${setting.arg}`;
    problems.push(...explainIssues(parsed.error.issues, value).map(({ message }) => ({ path: place, message })));
  }
  if (problems.length > 0) {
    const text = problems.map((p) => `${p.path}: ${p.message}`).join('\n');
    throw new HeddleError('invalid', text, { problems });
  }
  return result as C;
}

/** The list of settings for `--help`, one a line. */
export function describeSettings(settings: Readonly<Record<string, Setting<unknown>>>): string {
  const rows = Object.values(settings).map((s) => ({
    left: `  --${s.arg}${s.flag ? '' : ' VALUE'}`,
    right: s.env === undefined ? s.help : `${s.help} [${s.env}]`,
  }));
  const width = Math.max(...rows.map((r) => r.left.length)) + 2;
  return rows.map((r) => `${r.left.padEnd(width)}${r.right}`).join('\n');
}

function readArguments(
  settings: readonly Setting<unknown>[],
  argv: readonly string[],
  problems: Problem[],
): Map<string, string | boolean> {
  const given = new Map<string, string | boolean>();
  const options = Object.fromEntries(
    settings.map((s) => [s.arg, { type: s.flag ? ('boolean' as const) : ('string' as const) }]),
  );
  const { tokens } = parseArgs({ args: [...argv], options, strict: false, allowPositionals: true, tokens: true });
  for (const token of tokens) {
    if (token.kind === 'positional') {
      problems.push({ path: token.value, message: 'found where only options are expected' });
    } else if (token.kind === 'option') {
      const setting = settings.find((s) => s.arg === token.name);
      if (!setting) {
        problems.push({ path: token.rawName, message: 'unknown option; see --help' });
      } else if (setting.flag && token.value !== undefined) {
        problems.push({ path: token.rawName, message: `found value "${token.value}"; this option takes none` });
      } else if (!setting.flag && token.value === undefined) {
        problems.push({ path: token.rawName, message: 'needs a value' });
      } else {
        given.set(token.name, token.value ?? true);
      }
    }
  }
  return given;
}

const flagOf = (text: string | undefined): boolean | string | undefined => {
  if (text === undefined || text === '' || text === '0' || text === 'false') return undefined;
  return text === '1' || text === 'true' ? true : text;
};

import { stringify } from 'yaml';
import { UsageError } from '../errors';

/** What a program reads: exactly what the API answered. */
export type DataFormat = 'json' | 'yaml';
export type Format = DataFormat | 'table' | 'wide' | 'name';

/** Formats of commands that have one table at most. */
export const PLAIN_FORMATS = ['table', 'json', 'yaml'] as const;

/** @throws UsageError unless the format is one of those that a command can give. */
export function checkFormat<F extends Format>(found: string, allowed: readonly F[]): F {
  const format = allowed.find((candidate) => candidate === found);
  if (format) return format;
  throw new UsageError(`found output format "${found}"; allowed are ${allowed.join(', ')}`);
}

export const isData = (format: Format): format is DataFormat => format === 'json' || format === 'yaml';

export function dataText(value: unknown, format: DataFormat): string {
  return format === 'json' ? `${JSON.stringify(value, null, 2)}\n` : yamlText(value);
}

/** One of many that come one by one, without the end of its last line: a line of JSON, or a document of YAML. */
export function itemText(value: unknown, format: DataFormat): string {
  return format === 'json' ? JSON.stringify(value) : `---\n${yamlText(value).trimEnd()}`;
}

/** YAML without line folding, so that what is printed can be searched and compared line by line. */
export function yamlText(value: unknown): string {
  return stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });
}

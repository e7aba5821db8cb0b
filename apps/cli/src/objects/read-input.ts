import { createReadStream } from 'node:fs';
import { isErrno } from '@heddle/host';
import { HeddleError, MAX_TEXT } from '@heddle/model';
import type { InputFile } from '../api/heddle-api';
import { UsageError } from '../errors';

/** The largest file that the server takes, in bytes of UTF-8. */
export const MAX_BYTES = MAX_TEXT;
/** Bytes after which a text that is too large is not even counted on: a pipe may never end. */
const COUNT_LIMIT = 64 * MAX_BYTES;

/**
 * Reads a file of objects, or standard input for `-`. What the server would refuse as too large is refused here, in the
 * same words, before it is sent.
 * @throws UsageError when the file cannot be read or is no text, HeddleError `limit`
 */
export async function readInput(name: string, stdin: AsyncIterable<Uint8Array | string>): Promise<InputFile> {
  if (name === '-') return { name: 'standard input', text: await readText('standard input', stdin) };
  try {
    return { name, text: await readText(name, createReadStream(name)) };
  } catch (error) {
    if (isErrno(error, 'ENOENT')) throw new UsageError(`there is no file ${name}`);
    if (isErrno(error, 'EACCES', 'EISDIR', 'ENOTDIR')) throw new UsageError(`${name} cannot be read: ${error.message}`);
    throw error;
  }
}

async function readText(name: string, stream: AsyncIterable<Uint8Array | string>): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size <= MAX_BYTES) chunks.push(bytes);
    if (size > COUNT_LIMIT) break;
  }
  if (size > MAX_BYTES) {
    const more = size > COUNT_LIMIT ? ' and more' : '';
    throw new HeddleError(
      'limit',
      `the input has ${size} bytes${more}; allowed are ${MAX_BYTES}: split it into several files`,
    );
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    throw new UsageError(`${name} is not UTF-8 text`);
  }
}

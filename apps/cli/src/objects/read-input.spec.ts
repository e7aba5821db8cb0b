import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { UsageError } from '../errors';
import { MAX_BYTES, readInput } from './read-input';

const folder = mkdtempSync(path.join(tmpdir(), 'heddle-input-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function* chunks(...parts: (string | Uint8Array)[]): AsyncGenerator<string | Uint8Array> {
  yield* parts;
}

describe('readInput', () => {
  it('reads a file', async () => {
    const file = path.join(folder, 'a.yaml');
    writeFileSync(file, 'kind: Tenant\n');
    await expect(readInput(file, chunks())).resolves.toEqual({ name: file, text: 'kind: Tenant\n' });
  });

  it('reads standard input, also where a character is cut in two', async () => {
    const [a, b] = [Buffer.from('é').subarray(0, 1), Buffer.from('é').subarray(1)];
    await expect(readInput('-', chunks(a, b))).resolves.toEqual({ name: 'standard input', text: 'é' });
  });

  it('refuses a file of 10 MB, and takes one of just the size', async () => {
    const file = path.join(folder, 'big.yaml');
    writeFileSync(file, '#'.repeat(10 * 1024 * 1024));
    await expect(readInput(file, chunks())).rejects.toMatchObject({
      code: 'limit',
      message: 'the input has 10485760 bytes; allowed are 1048576: split it into several files',
    });
    writeFileSync(file, '#'.repeat(MAX_BYTES));
    expect((await readInput(file, chunks())).text).toHaveLength(MAX_BYTES);
  });

  it('gives up on a pipe that does not end', async () => {
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) yield Buffer.alloc(1024 * 1024, 'y');
    }
    await expect(readInput('-', endless())).rejects.toThrow('bytes and more; allowed are 1048576');
  });

  it('says what is wrong with a file that cannot be read, and with what is no text', async () => {
    await expect(readInput(path.join(folder, 'none'), chunks())).rejects.toThrow('there is no file');
    await expect(readInput(folder, chunks())).rejects.toBeInstanceOf(UsageError);
    await expect(readInput('-', chunks(Uint8Array.of(0xff)))).rejects.toThrow('standard input is not UTF-8 text');
  });
});

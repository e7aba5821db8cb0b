import type { ApicFabricSpec } from '@heddle/apic';
import type { Credentials } from '@heddle/apic-client';
import type { Files } from '@heddle/host';
import { HeddleError } from '@heddle/model';

/** One line of printable characters: what else is in a file is hardly meant as a password, and must not be sent to anybody. */
const PASSWORD = /^[\x21-\x7e]([\x20-\x7e]{0,254}[\x21-\x7e])?$/;

/**
 * Reads the files that a Fabric names, on this machine.
 * @throws HeddleError `unavailable`, because without them no controller can be reached; without anything of their content
 */
export async function readCredentials(
  { passwordFile, caFile }: Pick<ApicFabricSpec, 'passwordFile' | 'caFile'>,
  files: Files,
): Promise<Credentials> {
  const password = (await read(passwordFile, 'the password', files)).replace(/\r?\n$/, '');
  if (!PASSWORD.test(password))
    throw new HeddleError('unavailable', `${passwordFile} is no password: allowed is one line of up to 256 printable characters of ASCII`); // prettier-ignore
  const ca = caFile === undefined ? undefined : await read(caFile, 'certificates', files);
  if (ca !== undefined && !ca.includes('-----BEGIN CERTIFICATE-----'))
    throw new HeddleError('unavailable', `${caFile} has no certificate; allowed is PEM`);
  return { password, ca };
}

async function read(file: string, what: string, files: Files): Promise<string> {
  let text: string | undefined;
  try {
    text = await files.readText(file);
  } catch (error) {
    throw new HeddleError('unavailable', `the file with ${what}, ${file}, cannot be read by the fabric service: ${(error as Error).message}`, { cause: error }); // prettier-ignore
  }
  if (text !== undefined) return text;
  throw new HeddleError('unavailable', `there is no file ${file} with ${what} on the machine of the fabric service`);
}

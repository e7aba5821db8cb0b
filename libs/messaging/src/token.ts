import { HeddleError } from '@heddle/model';

/**
 * Names become tokens of NATS subjects and keys of buckets. Letters, digits, `-`, `_` and `/` stand for themselves;
 * everything else, and a leading `_`, is written as `=XX` for each byte of its UTF-8 form. So a token never holds a
 * separator or wildcard, no two names share a token, and the tokens that start with `_` are free for records of our own.
 */
const PLAIN = /^[A-Za-z0-9/-][A-Za-z0-9/_-]*$/;
const PLAIN_BYTE = /[A-Za-z0-9/_-]/;

/** Longest name that becomes a token, in characters: subjects stay well below the server's control line limit of 4096 bytes. */
export const MAX_NAME_LENGTH = 512;

/**
 * The token of a name.
 * @throws HeddleError `invalid` for an empty name, `limit` for one above {@link MAX_NAME_LENGTH}
 */
export function encodeToken(name: string): string {
  if (name.length > MAX_NAME_LENGTH) {
    throw new HeddleError('limit', `found a name of ${name.length} characters; at most ${MAX_NAME_LENGTH} are allowed`);
  }
  if (PLAIN.test(name)) return name;
  if (name === '') throw new HeddleError('invalid', 'found an empty name where a subject or key needs one');
  let token = '';
  for (const byte of Buffer.from(name, 'utf8')) {
    const character = String.fromCharCode(byte);
    const plain = PLAIN_BYTE.test(character) && !(token === '' && character === '_');
    token += plain ? character : `=${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return token;
}

/** The name that {@link encodeToken} turned into this token. */
export function decodeToken(token: string): string {
  if (!token.includes('=')) return token;
  const bytes: number[] = [];
  for (let i = 0; i < token.length; i++) {
    if (token[i] === '=') {
      bytes.push(Number.parseInt(token.slice(i + 1, i + 3), 16));
      i += 2;
    } else {
      bytes.push(token.charCodeAt(i));
    }
  }
  return Buffer.from(bytes).toString('utf8');
}

import { HeddleError } from '@heddle/model';
import { nkeys } from 'nats';

/** A NATS user's key pair (Ed25519). The server knows the public key only; the seed stays with the user, mode 0600. */
export interface NkeyUser {
  /** `U...` */
  readonly publicKey: string;
  /** `SU...` */
  readonly seed: string;
}

export function createUser(): NkeyUser {
  const pair = nkeys.createUser();
  return { publicKey: pair.getPublicKey(), seed: new TextDecoder().decode(pair.getSeed()) };
}

/** The public key of a user's seed. Throws `invalid` on anything else. */
export function publicKeyOf(seed: string): string {
  try {
    const key = nkeys.fromSeed(new TextEncoder().encode(seed.trim())).getPublicKey();
    if (key.startsWith('U')) return key;
  } catch (error) {
    throw new HeddleError('invalid', 'this is not the seed of an nkey; expected is a text that starts with SU', {
      cause: error,
    });
  }
  throw new HeddleError(
    'invalid',
    'this is the seed of another kind of nkey; expected is one of a user, starting with SU',
  );
}

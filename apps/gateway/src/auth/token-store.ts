import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import path from 'node:path';
import type { Clock, Files } from '@heddle/host';
import { explainIssues, HeddleError, nameSchema, type Principal } from '@heddle/model';
import type { Log } from '@heddle/service';
import * as z from 'zod';

const ADMIN: Principal = { principal: 'admin' };
/** How long a change of the token file may take to be noticed. */
const RELOAD_MS = 1_000;

const tokensSchema = z.strictObject({
  tokens: z.array(
    z.strictObject({
      /** Of the token's text, in hex; the token itself is written down nowhere. */
      sha256: z.string().regex(/^[0-9a-f]{64}$/),
      principal: z.string().min(1).max(200),
      tenant: nameSchema.optional(),
    }),
  ),
});

interface Entry {
  readonly hash: Buffer;
  readonly who: Principal;
}

/**
 * The tokens that open the API: the administrator's, made on first start and kept in `admin-token`, and those whose
 * hashes are listed in `tokens.json`.
 */
export class TokenStore {
  private entries: readonly Entry[] = [];
  private readAt = -Infinity;
  private reading: Promise<void> | undefined;

  private constructor(
    private readonly files: Files,
    private readonly clock: Clock,
    private readonly log: Log,
    private readonly folder: string,
    private readonly admin: Entry,
  ) {}

  /** Opens the store in a folder, and makes the administrator's token if there is none. */
  static async open(options: { files: Files; clock: Clock; log: Log; folder: string }): Promise<TokenStore> {
    const { files, clock, log, folder } = options;
    const file = path.join(folder, 'admin-token');
    let token = (await files.readText(file))?.trim();
    if (token === undefined || token === '') {
      token = `heddle_${randomBytes(32).toString('base64url')}`;
      await files.writeAtomic(file, `${token}\n`, { mode: 0o600 });
    }
    const store = new TokenStore(files, clock, log, folder, { hash: hashOf(token), who: ADMIN });
    await store.read();
    return store;
  }

  /** Where the administrator's token is, mode 0600. */
  get adminTokenFile(): string {
    return path.join(this.folder, 'admin-token');
  }

  /** Who a token belongs to. Takes the same time for every token, so that nothing is learnt from trying. */
  async find(token: string): Promise<Principal | undefined> {
    if (this.clock.monotonic() - this.readAt >= RELOAD_MS) await this.refresh();
    const hash = hashOf(token);
    let found: Principal | undefined;
    for (const entry of [this.admin, ...this.entries]) {
      if (timingSafeEqual(entry.hash, hash)) found = entry.who;
    }
    return found;
  }

  private refresh(): Promise<void> {
    this.reading ??= this.read()
      .catch((error: unknown) =>
        this.log.error({ err: error }, 'tokens.json was not read; the tokens known before stay in force'),
      )
      .finally(() => (this.reading = undefined));
    return this.reading;
  }

  private async read(): Promise<void> {
    this.readAt = this.clock.monotonic();
    const file = path.join(this.folder, 'tokens.json');
    const json = await this.files.readJson(file);
    if (json === undefined) {
      this.entries = [];
      return;
    }
    const result = tokensSchema.safeParse(json);
    if (!result.success) {
      const problems = explainIssues(result.error.issues, json);
      throw new HeddleError('invalid', `${file}: ${problems.map((p) => `${p.path} ${p.message}`).join('; ')}`, {
        problems,
      });
    }
    this.entries = result.data.tokens.map(({ sha256, principal, tenant }) => ({
      hash: Buffer.from(sha256, 'hex'),
      who: { principal, ...(tenant === undefined ? {} : { tenant }) },
    }));
  }
}

const hashOf = (token: string): Buffer => createHash('sha256').update(token, 'utf8').digest();

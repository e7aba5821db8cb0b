import { isErrno, type Files } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import { UsageError } from '../errors';
import { contextNamed, type Contexts, type ContextStore } from './contexts';

/** Where `heddle server` listens, and where it leaves its token, when nothing else is said. */
export const DEFAULT_API = 'http://127.0.0.1:4280';
export const DEFAULT_TOKEN_FILE = '/var/lib/heddle/server/token';

/** What every command takes on which server to talk to. */
export interface ConnectionOptions {
  readonly api?: string;
  readonly tokenFile?: string;
  readonly context?: string;
  readonly tenant?: string;
}

export interface Connection {
  readonly api: string;
  readonly token: string;
  /** The tenant of paths that name none. */
  readonly tenant: string | undefined;
  /** Name of the context that was used. */
  readonly context: string | undefined;
}

/**
 * Decides which server to talk to, with which token. The command line comes before the environment (HEDDLE_API,
 * HEDDLE_TOKEN, HEDDLE_CONTEXT), that before the current context, that before the defaults of `heddle server`. The token
 * of a context goes to the address of that context only.
 */
export async function resolveConnection(
  options: ConnectionOptions,
  env: NodeJS.ProcessEnv,
  store: ContextStore,
  files: Files,
): Promise<Connection> {
  const { current, contexts } = await store.load();
  // A context that is named on the command line comes before all that the environment says.
  const outer = options.context === undefined ? env : {};
  const address = options.api ?? outer['HEDDLE_API'];
  const named = options.context ?? outer['HEDDLE_CONTEXT'];
  const name = named || (address === undefined ? current : contextAt(contexts, address));
  const context = name === undefined ? undefined : contextNamed(contexts, name);
  const api = checkAddress(address ?? context?.api ?? DEFAULT_API);
  const tenant = options.tenant ?? context?.tenant;
  const ownToken = context?.api === api ? context.tokenFile : api === DEFAULT_API ? DEFAULT_TOKEN_FILE : undefined;
  const token = await findToken(options.tokenFile, outer['HEDDLE_TOKEN'], ownToken, api, files);
  return { api, token, tenant, context: name };
}

/** The context that has this address, if one has: its token is the one to use there. */
function contextAt(contexts: Contexts['contexts'], api: string): string | undefined {
  return Object.keys(contexts).find((name) => contexts[name]?.api === api);
}

/** The address of an API without a slash at its end. @throws UsageError */
export function checkAddress(api: string): string {
  const url = URL.canParse(api) ? new URL(api) : undefined;
  if (url && ['http:', 'https:'].includes(url.protocol)) return api.replace(/\/+$/, '');
  throw new UsageError(`found API address "${api}"; allowed is a URL such as ${DEFAULT_API}`);
}

async function findToken(
  fromOption: string | undefined,
  fromEnvironment: string | undefined,
  fromContext: string | undefined,
  api: string,
  files: Files,
): Promise<string> {
  if (fromOption !== undefined) return readToken(fromOption, files);
  if (fromEnvironment) return fromEnvironment;
  if (fromContext !== undefined) return readToken(fromContext, files);
  throw new UsageError(`there is no token for ${api}; name its file with --token-file, or set HEDDLE_TOKEN`);
}

async function readToken(file: string, files: Files): Promise<string> {
  let text: string | undefined;
  try {
    text = await files.readText(file);
  } catch (error) {
    if (!isErrno(error, 'EACCES', 'EISDIR')) throw error;
    throw new HeddleError('unauthenticated', `the token file ${file} cannot be read: ${error.message}`, {
      cause: error,
    });
  }
  if (text?.trim()) return text.trim();
  const what = text === undefined ? 'is not there' : 'is empty';
  throw new HeddleError(
    'unauthenticated',
    `the token file ${file} ${what}: start a server with "heddle server" or "heddle lab up", pick a context with "heddle context use NAME", or name a file with --token-file`,
  );
}

import { isErrno, type Files } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import { UnreachableError, UsageError } from '../errors';
import { contextNamed, type Contexts, type ContextStore } from './contexts';
import { localServer, type Place } from './local-server';

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
 * HEDDLE_TOKEN, HEDDLE_CONTEXT), that before the current context, that before a server that runs on this machine. A token
 * that belongs to an address goes to that address only.
 * @throws UsageError, UnreachableError when there is no server to talk to, HeddleError `unauthenticated`
 */
export async function resolveConnection(
  options: ConnectionOptions,
  place: Place,
  store: ContextStore,
  files: Files,
): Promise<Connection> {
  const { current, contexts } = await store.load();
  // A context that is named on the command line comes before all that the environment says.
  const env = options.context === undefined ? place.env : {};
  const address = options.api ?? env['HEDDLE_API'];
  const named = options.context ?? env['HEDDLE_CONTEXT'];
  const name = named || (address === undefined ? current : contextAt(contexts, address));
  const context = name === undefined ? undefined : contextNamed(contexts, name);
  const local = context ? undefined : await localServer(place, files);
  const found = address ?? context?.api ?? local?.url;
  if (found === undefined) {
    throw new UnreachableError('no server is known: none runs on this machine, and no context is in use', false);
  }
  const api = checkAddress(found);
  const ownToken = [context && { url: context.api, tokenFile: context.tokenFile }, local].find(
    (one) => one?.url === api,
  );
  const token = await findToken(options.tokenFile, env['HEDDLE_TOKEN'], ownToken?.tokenFile, api, files);
  return { api, token, tenant: options.tenant ?? context?.tenant, context: name };
}

/** The context that has this address, if one has: its token is the one to use there. */
function contextAt(contexts: Contexts['contexts'], api: string): string | undefined {
  return Object.keys(contexts).find((name) => contexts[name]?.api === api);
}

/** The address of an API without a slash at its end. @throws UsageError */
export function checkAddress(api: string): string {
  const url = URL.canParse(api) ? new URL(api) : undefined;
  if (url && ['http:', 'https:'].includes(url.protocol)) return api.replace(/\/+$/, '');
  throw new UsageError(`found API address "${api}"; allowed is a URL such as http://127.0.0.1:4280`);
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

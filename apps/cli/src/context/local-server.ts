import path from 'node:path';
import type { Files } from '@heddle/host';

/** How programs on this machine reach a server, as it says itself in its run folder. */
export interface LocalServer {
  readonly url: string;
  readonly tokenFile: string;
}

/** Whose machine it is, as far as the folders of a server depend on it. */
export interface Place {
  readonly env: NodeJS.ProcessEnv;
  readonly home: string;
  readonly userId: number | undefined;
}

const FILE = 'api.json';

/** Reads what a server left in its run folder; nothing when none runs there. */
export async function serverIn(runFolder: string, files: Files): Promise<LocalServer | undefined> {
  const json = await files.readJson(path.join(runFolder, FILE));
  return isLocalServer(json) ? json : undefined;
}

/** The server that runs on this machine: the user's own, or the system's. */
export async function localServer(place: Place, files: Files): Promise<LocalServer | undefined> {
  for (const folder of runFolders(place)) {
    const found = await serverIn(folder, files);
    if (found) return found;
  }
  return undefined;
}

/** Where `heddle server` has its run folder when nothing else is said, for this user and for root. */
function runFolders({ env, home, userId }: Place): string[] {
  const system = '/run/heddle';
  if (userId === 0) return [system];
  const state = path.join(env['XDG_STATE_HOME'] || path.join(home, '.local', 'state'), 'heddle');
  const runtime = env['XDG_RUNTIME_DIR'];
  return [runtime ? path.join(runtime, 'heddle') : path.join(state, 'run'), system];
}

function isLocalServer(json: unknown): json is LocalServer {
  if (typeof json !== 'object' || json === null) return false;
  const { url, tokenFile } = json as Record<string, unknown>;
  return typeof url === 'string' && typeof tokenFile === 'string';
}

import { randomBytes } from 'node:crypto';
import { chmod, link, lstat, mkdir, rm } from 'node:fs/promises';
import { connect, type Server } from 'node:net';
import path from 'node:path';
import { isErrno } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import { checkSocketPath } from '../engine-process';

const PROBE_MS = 2000;

/** A listening Unix socket at a path, and the means to give the path back. */
export interface SocketClaim {
  /** Removes the path if it is still this socket's. */
  release(): Promise<void>;
}

/**
 * Lets `server` listen at the path with mode 0600. A socket that is there already is replaced only if nobody answers on
 * it. The socket is bound under another name and appears at the path complete: neither with wider permissions for a
 * moment, nor by taking the place of one that appeared meanwhile.
 */
export async function claimSocket(server: Server, socketPath: string): Promise<SocketClaim> {
  checkSocketPath(socketPath);
  const dir = path.dirname(socketPath);
  await mkdir(dir, { recursive: true, mode: 0o755 });
  // No longer than the shortest socket name in use, so that it fits wherever the path does.
  const temporary = path.join(dir, `.${randomBytes(2).toString('hex')}`);
  await removeStale(socketPath);
  await listen(server, temporary);
  try {
    await chmod(temporary, 0o600);
    await link(temporary, socketPath);
  } catch (error) {
    server.close();
    if (isErrno(error, 'EEXIST')) throw taken(socketPath);
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
  const { ino, dev } = await lstat(socketPath);
  return {
    async release() {
      const now = await lstatOrNothing(socketPath);
      if (now?.ino === ino && now.dev === dev) await rm(socketPath, { force: true });
    },
  };
}

async function removeStale(socketPath: string): Promise<void> {
  const found = await lstatOrNothing(socketPath);
  if (!found) return;
  if (!found.isSocket()) {
    throw new HeddleError('conflict', `${socketPath} is no socket; remove it, or choose another path`);
  }
  if (await answers(socketPath)) throw taken(socketPath);
  await rm(socketPath, { force: true });
}

const taken = (socketPath: string): HeddleError =>
  new HeddleError('conflict', `another process answers on ${socketPath}; stop it, or choose another path`);

/** Whether somebody accepts connections; a full backlog counts, its owner is only slow. */
function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath);
    const settle = (result: boolean | Error): void => {
      socket.destroy();
      if (typeof result === 'boolean') resolve(result);
      else reject(result);
    };
    socket.setTimeout(PROBE_MS, () => settle(true));
    socket.once('connect', () => settle(true));
    socket.once('error', (error) => {
      if (isErrno(error, 'ECONNREFUSED', 'ENOENT')) settle(false);
      else if (isErrno(error, 'EAGAIN')) settle(true);
      else settle(error);
    });
  });
}

function listen(server: Server, socketPath: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(socketPath, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

async function lstatOrNothing(file: string): Promise<Awaited<ReturnType<typeof lstat>> | undefined> {
  try {
    return await lstat(file);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}

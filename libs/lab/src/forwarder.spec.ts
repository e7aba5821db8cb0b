import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { waitFor } from '@heddle/host';
import { forwarderCommand } from './commands';
import { FORWARDER_PROGRAM } from './forwarder-program';

describe('the forwarder', () => {
  let folder: string;
  let forwarder: ChildProcess;
  let port: number;
  let server: Server | undefined;

  const socketPath = (): string => path.join(folder, 'api.sock');

  async function serve(handle: (socket: Socket) => void): Promise<void> {
    server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => socket.destroy());
      handle(socket);
    });
    server.listen(socketPath());
    await once(server, 'listening');
  }

  /** Sends a text, ends its own direction, and gives all that comes back. */
  function talk(text: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const chunks: string[] = [];
      const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
      socket.setEncoding('utf8');
      socket.on('data', (chunk: string) => chunks.push(chunk));
      socket.once('error', reject);
      socket.once('close', () => resolve(chunks.join('')));
      socket.end(text);
    });
  }

  beforeAll(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'heddle-forwarder-'));
    const program = path.join(folder, 'forwarder.js');
    const portFile = path.join(folder, 'port');
    await writeFile(program, FORWARDER_PROGRAM);
    const [command = '', ...args] = forwarderCommand(program, socketPath(), 0, portFile);
    forwarder = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });
    const text = await waitFor(() => readFile(portFile, 'utf8').catch(() => ''), {
      deadlineMs: 10_000,
      what: 'a port',
    });
    port = Number(text);
  });

  afterEach(async () => {
    if (server) await new Promise((resolve) => server?.close(resolve));
    server = undefined;
  });

  afterAll(async () => {
    const ended = once(forwarder, 'exit');
    forwarder.kill();
    await ended;
    await rm(folder, { recursive: true });
  });

  it('carries both directions whole, the answer after the end of the question', async () => {
    await serve((socket) => {
      const chunks: Buffer[] = [];
      socket.on('data', (chunk: Buffer) => chunks.push(chunk));
      socket.on('end', () => socket.end(Buffer.concat(chunks).toString().toUpperCase()));
    });
    const long = 'abc'.repeat(1_000_000);
    expect(await talk(long)).toBe(long.toUpperCase());
    expect(await Promise.all(['a', 'b', 'c'].map(talk))).toEqual(['A', 'B', 'C']);
  });

  it('closes the connection when nobody is behind it, and lives on', async () => {
    expect(await talk('x').catch(() => '')).toBe('');
    await serve((socket) => socket.resume().end('here'));
    expect(await talk('x')).toBe('here');
  });

  it('passes on when either side goes away', async () => {
    const accepted = new Promise<Socket>((resolve) => {
      void serve((socket) => {
        socket.resume().write('hello');
        resolve(socket);
      });
    });
    await waitFor(() => server?.listening, { deadlineMs: 5_000, what: 'the server' });
    const client = connect({ port, host: '127.0.0.1' });
    await once(client, 'data');
    const ended = once(await accepted, 'end');
    client.resetAndDestroy();
    await ended;
    (await accepted).destroy();
  });
});

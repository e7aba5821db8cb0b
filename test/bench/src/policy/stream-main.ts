import { createConnection, createServer, type Socket } from 'node:net';

/**
 * One end of a connection whose server sends something every millisecond, and whose client notes the first and the last
 * of it. Times are milliseconds since the epoch.
 *
 *   stream.js send PORT           prints "ready", serves until it is ended
 *   stream.js receive HOST PORT   tries to connect until it can; prints "first AT", and "last AT" once nothing has come
 *                                 for a while
 */
const SEND_EVERY_MS = 1;
const TRY_EVERY_MS = 10;
const ATTEMPT_MS = 1_000;
/** Longer than any pause of a connection that lives, and than the promised second. */
const SILENCE_MS = 2_000;

const say = (line: string): boolean => process.stdout.write(`${line}\n`);

function send(port: number): void {
  const server = createServer({ noDelay: true }, (socket) => {
    const timer = setInterval(() => socket.write('.'), SEND_EVERY_MS);
    // A client that gave up; nothing is owed to it.
    socket.on('error', () => socket.destroy());
    socket.on('close', () => clearInterval(timer));
  });
  server.listen(port, () => say('ready'));
}

function receive(host: string, port: number): void {
  const attempts = new Set<Socket>();
  const attempt = (): void => {
    const socket = createConnection({ host, port });
    attempts.add(socket);
    const tooLate = setTimeout(() => socket.destroy(), ATTEMPT_MS);
    socket.once('close', () => {
      clearTimeout(tooLate);
      attempts.delete(socket);
    });
    // Refused, or no way there: another attempt is made anyway.
    socket.on('error', () => socket.destroy());
    socket.once('data', () => {
      clearInterval(tries);
      clearTimeout(tooLate);
      for (const other of attempts) if (other !== socket) other.destroy();
      say(`first ${Date.now()}`);
      noteLast(socket);
    });
  };
  const tries = setInterval(attempt, TRY_EVERY_MS);
}

function noteLast(socket: Socket): void {
  let last = Date.now();
  setInterval(() => {
    if (Date.now() - last < SILENCE_MS) return;
    say(`last ${last}`);
    process.exit(0);
  }, SILENCE_MS / 10);
  socket.on('data', () => (last = Date.now()));
}

const [role, ...words] = process.argv.slice(2);
if (role === 'send') send(Number(words[0]));
else if (role === 'receive') receive(words[0] ?? '', Number(words[1]));
else process.exitCode = 2;

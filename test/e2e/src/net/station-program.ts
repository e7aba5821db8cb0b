import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Datagram, Question, Stream, StationCall, StationReply, StreamReport } from './station';

/**
 * Sockets in the network namespace that this process was started in, driven by its parent. Each stream counts what it
 * received, and when, by the monotonic clock that all processes of a machine share.
 */

/** What a stream sends at a time. */
const RECORD = Buffer.alloc(16);

class Flow {
  private bytes = 0;
  private datagrams = 0;
  private last = 0;
  private timer: NodeJS.Timeout | undefined;

  /** Sends now and then again every so many milliseconds. */
  start(everyMs: number, send: (record: Buffer) => void): void {
    if (this.timer) return;
    send(RECORD);
    this.timer = setInterval(() => send(RECORD), everyMs);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  took(data: Buffer, datagram: boolean): void {
    this.last = monotonic();
    this.bytes += data.length;
    if (datagram) this.datagrams++;
  }

  report(): StreamReport {
    return { bytes: this.bytes, datagrams: this.datagrams, lastAt: this.last };
  }
}

const flows = new Map<string, Flow>();
const closers: (() => void)[] = [];
const monotonic = (): number => Number(process.hrtime.bigint() / 1000n) / 1000;

function open(stream: Stream): Promise<void> {
  const flow = new Flow();
  flows.set(stream.id, flow);
  switch (stream.type) {
    case 'tcp-server':
      return tcpServer(stream, flow);
    case 'tcp-client':
      return tcpClient(stream, flow);
    case 'udp-server':
      return udpServer(stream, flow);
    case 'udp-client':
      return udpClient(stream, flow);
  }
}

function onConnection(socket: Socket, { everyMs }: Stream, flow: Flow): void {
  socket.setNoDelay(true);
  socket.on('data', (data) => flow.took(data, false));
  // A connection that the policy ends is reset or times out at some time; that is what the streams are there to see.
  socket.on('error', () => flow.stop());
  socket.on('close', () => flow.stop());
  if (everyMs !== undefined) flow.start(everyMs, (record) => socket.write(record));
  closers.push(() => socket.destroy());
}

function tcpServer(stream: Stream, flow: Flow): Promise<void> {
  const server: Server = createServer((socket) => onConnection(socket, stream, flow));
  closers.push(() => server.close());
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(stream.port, '0.0.0.0', () => resolve());
  });
}

function tcpClient(stream: Stream, flow: Flow): Promise<void> {
  const socket = connect({ host: stream.to, port: stream.port });
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      onConnection(socket, stream, flow);
      resolve();
    });
  });
}

/** Counts what arrives. With `everyMs` it streams to whoever sent to it first, asked for nothing more. */
async function udpServer(stream: Stream, flow: Flow): Promise<void> {
  const socket = await bind(stream.port);
  socket.on('message', (data, from) => {
    flow.took(data, true);
    if (stream.everyMs !== undefined) {
      flow.start(stream.everyMs, (record) => socket.send(record, from.port, from.address));
    }
  });
}

async function udpClient(stream: Stream, flow: Flow): Promise<void> {
  const socket = await bind(0);
  socket.on('message', (data) => flow.took(data, true));
  const send = (data: Buffer): void => socket.send(data, stream.port, stream.to);
  if (stream.everyMs !== undefined) flow.start(stream.everyMs, send);
  else send(Buffer.alloc(stream.bytes ?? RECORD.length));
}

function bind(port: number): Promise<UdpSocket> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 });
  closers.push(() => socket.close());
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(port, () => {
      socket.off('error', reject);
      socket.setBroadcast(true);
      // An ICMP error of one datagram is no reason to end.
      socket.on('error', () => undefined);
      resolve(socket);
    });
  });
}

/** Sends some bytes and gives what comes back first; for questions that are none of a stream. */
function ask({ protocol, to, port, hex }: Question): Promise<string> {
  const request = Buffer.from(hex, 'hex');
  return new Promise((resolve, reject) => {
    if (protocol === 'udp') {
      const socket = createSocket('udp4');
      socket.once('message', (data) => {
        socket.close();
        resolve(data.toString('hex'));
      });
      socket.once('error', reject);
      socket.send(request, port, to);
    } else {
      const socket = connect({ host: to, port }, () => socket.write(request));
      socket.once('error', reject);
      socket.once('data', (data) => {
        socket.destroy();
        resolve(data.toString('hex'));
      });
    }
  });
}

function send({ to, port, hex }: Datagram): Promise<void> {
  const socket = createSocket('udp4');
  return new Promise((resolve, reject) => {
    socket.send(Buffer.from(hex, 'hex'), port, to, (error) => {
      socket.close();
      if (error) reject(error);
      else resolve();
    });
  });
}

async function answer(call: StationCall): Promise<unknown> {
  switch (call.method) {
    case 'open':
      return open(call.params);
    case 'report':
      return flows.get(call.params.id)?.report();
    case 'ask':
      return ask(call.params);
    case 'send':
      return send(call.params);
  }
}

process.on('message', (call: StationCall) => {
  const reply = (message: StationReply): void => void process.send?.(message);
  answer(call).then(
    (result) => reply({ id: call.id, result: result ?? null }),
    (error: unknown) => reply({ id: call.id, error: error instanceof Error ? error.message : String(error) }),
  );
});
process.on('disconnect', () => {
  for (const close of closers) close();
  process.exit(0);
});
process.send?.({ ready: true });

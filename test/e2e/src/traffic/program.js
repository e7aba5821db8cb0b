'use strict';
/**
 * Traffic inside one network namespace: echo servers and probes of every kind. Plain Node, so that `nsenter` can start it in
 * a container's namespace as it is.
 *
 *     node program.js '{"listen": [{protocol, port}], "probes": [{name, protocol, address, port}], "intervalMs": 10}'
 *
 * A probe of protocol `udp` sends numbered datagrams, `tcp` numbered lines over one connection, `connect` opens one new
 * connection after the other, `name` asks the name server at its address for its `question`. It writes `ready`, then for every line that it reads one line of JSON: what it has counted so
 * far. After the line `stop` nothing more is sent, and it ends when it has waited for the last answers.
 */
const dgram = require('node:dgram');
const { Resolver } = require('node:dns').promises;
const net = require('node:net');
const { readFileSync } = require('node:fs');

/** How long an answer may take before it counts as lost; far beyond what a busy machine needs. */
const PATIENCE_MS = 1_000;
const CONNECT_EVERY_MS = 50;
const CONNECT_MS = 500;
const MOST_LOST = 100;

const { listen = [], probes = [], intervalMs = 10 } = JSON.parse(process.argv[2] ?? '{}');
/** Calls back for every whole line of a stream. */
function onLines(stream, take) {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop();
    lines.forEach(take);
  });
}

/** What the servers have heard, by the name of the probe: a forbidden one may get through and its answer not. */
const heard = {};
const counted = (name) => (heard[name] = (heard[name] ?? 0) + 1);

const servers = listen.map(({ protocol, port }) => {
  if (protocol === 'udp') {
    const socket = dgram.createSocket('udp4');
    socket.on('message', (message, from) => {
      counted(String(message).split(' ')[0]);
      socket.send(message, from.port, from.address);
    });
    return new Promise((resolve) => socket.bind(port, resolve));
  }
  const server = net.createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    onLines(socket, (line) => {
      counted(line.split(' ')[0]);
      socket.write(`${line}\n`);
    });
  });
  return new Promise((resolve) => server.listen(port, resolve));
});

/** Numbered messages and their answers. */
class Sequence {
  constructor(name) {
    this.name = name;
    this.sentAt = [];
    this.open = new Set();
    this.received = 0;
    this.last = undefined;
    this.longestMs = 0;
  }
  next() {
    this.open.add(this.sentAt.length);
    return `${this.name} ${this.sentAt.push(performance.now()) - 1}`;
  }
  answered(text) {
    const number = Number(text.split(' ')[1]);
    if (!this.open.delete(number)) return;
    const now = performance.now();
    if (this.last !== undefined) this.longestMs = Math.max(this.longestMs, now - this.last);
    this.last = now;
    this.received += 1;
  }
  count() {
    const before = performance.now() - PATIENCE_MS;
    const lost = [...this.open].filter((number) => this.sentAt[number] < before);
    return {
      sent: this.sentAt.length,
      received: this.received,
      // The first ones tell when it began; all of a probe that is forbidden would be a long line.
      lost: lost.slice(0, MOST_LOST).map((number) => ({
        number,
        at: new Date(performance.timeOrigin + this.sentAt[number]).toISOString(),
      })),
      longestMs: Math.round(this.longestMs),
    };
  }
}

function udpProbe({ name, address, port }) {
  const sequence = new Sequence(name);
  const socket = dgram.createSocket('udp4');
  socket.on('message', (message) => sequence.answered(String(message)));
  // A destination that refuses says so by ICMP; the datagram counts as lost.
  socket.on('error', () => undefined);
  const timer = setInterval(() => socket.send(sequence.next(), port, address, () => undefined), intervalMs);
  return { stop: () => clearInterval(timer), count: () => sequence.count() };
}

function tcpProbe({ name, address, port }) {
  const sequence = new Sequence(name);
  let broken;
  const socket = net.createConnection({ host: address, port, noDelay: true });
  socket.on('error', (error) => (broken ??= error.message));
  socket.on('close', () => (broken ??= 'closed'));
  onLines(socket, (line) => sequence.answered(line));
  const timer = setInterval(() => {
    if (broken === undefined && !socket.connecting) socket.write(`${sequence.next()}\n`);
  }, intervalMs);
  return { stop: () => clearInterval(timer), count: () => ({ ...sequence.count(), broken }) };
}

function connectProbe({ name, address, port }) {
  const counts = { tried: 0, opened: 0, failed: 0 };
  let stopped = false;
  const once = () => {
    if (stopped) return;
    counts.tried += 1;
    const socket = net.createConnection({ host: address, port });
    let over = false;
    const done = (how) => {
      if (over) return;
      over = true;
      counts[how] += 1;
      socket.destroy();
      setTimeout(once, CONNECT_EVERY_MS);
    };
    socket.setTimeout(CONNECT_MS, () => done('failed'));
    socket.on('connect', () => {
      // Named to the server, which counts what comes through, and answers.
      onLines(socket, () => done('opened'));
      socket.write(`${name} 0\n`);
    });
    socket.on('error', () => done('failed'));
  };
  once();
  return { stop: () => (stopped = true), count: () => ({ ...counts }) };
}

function nameProbe({ address, port, question }) {
  const counts = { tried: 0, resolved: 0, failed: 0, addresses: [] };
  const resolver = new Resolver({ timeout: CONNECT_MS, tries: 1 });
  resolver.setServers([`${address}:${port}`]);
  let stopped = false;
  const once = async () => {
    counts.tried += 1;
    try {
      counts.addresses = (await resolver.resolve4(question)).sort();
      counts.resolved += 1;
    } catch (error) {
      counts.addresses = [];
      counts.failed += 1;
      counts.failure = error.code;
    }
    if (!stopped) setTimeout(once, CONNECT_EVERY_MS);
  };
  void once();
  return { stop: () => (stopped = true), count: () => ({ ...counts }) };
}

/** A counter of this namespace, by its group and name. */
function counter(file, group, name) {
  const [names, values] = readFileSync(`/proc/self/net/${file}`, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith(`${group}:`))
    .map((line) => line.split(' '));
  return Number(values[names.indexOf(name)]);
}

/**
 * TCP segments of this namespace that were lost: sent again, and not reported by the other side (RFC 2883) to have arrived
 * before. A busy machine answers late at times, and what is sent again then had not been lost.
 */
const lostSegments = () => counter('snmp', 'Tcp', 'RetransSegs') - counter('netstat', 'TcpExt', 'TCPDSACKRecv');

async function main() {
  await Promise.all(servers);
  const start = lostSegments();
  const kinds = { udp: udpProbe, tcp: tcpProbe, connect: connectProbe, name: nameProbe };
  const running = new Map(probes.map((probe) => [probe.name, kinds[probe.protocol](probe)]));
  const answer = (written) =>
    process.stdout.write(
      `${JSON.stringify({
        probes: Object.fromEntries([...running].map(([name, probe]) => [name, probe.count()])),
        heard,
        lostSegments: lostSegments() - start,
      })}\n`,
      written,
    );
  process.stdout.write('ready\n');
  // Whoever started it is gone: so is the reason for it.
  process.stdin.on('end', () => process.exit(0));
  onLines(process.stdin, (line) => {
    if (line !== 'stop') return answer();
    for (const probe of running.values()) probe.stop();
    setTimeout(() => answer(() => process.exit(0)), PATIENCE_MS + 100);
  });
}

void main();

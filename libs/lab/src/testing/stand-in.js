// stand-in.js [--say TEXT] [--exit CODE] [--tcp ADDRESS:PORT] SOCKET...: takes the place of one of Heddle's own processes
// in a test of the lab. It answers HTTP on all its sockets with what it was started with.
'use strict';
const { mkdirSync, rmSync } = require('node:fs');
const { createServer } = require('node:http');
const path = require('node:path');
const { parseArgs } = require('node:util');

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { say: { type: 'string' }, exit: { type: 'string' }, tcp: { type: 'string' } },
});
if (values.say) console.log(values.say);
if (values.exit) process.exit(Number(values.exit));

const server = () =>
  createServer((request, response) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      response.end(JSON.stringify({ pid: process.pid, url: request.url, body, argv: process.argv.slice(2) }));
    });
  });

for (const socket of positionals) {
  mkdirSync(path.dirname(socket), { recursive: true });
  rmSync(socket, { force: true });
  server().listen(socket);
}
if (values.tcp) {
  const [host, port] = values.tcp.split(':');
  server().listen(Number(port), host);
}

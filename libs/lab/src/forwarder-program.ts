/**
 * The program of the forwarder, `forwarder.js SOCKET PORT PORT_FILE`: listens on 127.0.0.1:PORT (0: any free one), writes
 * the port it got to PORT_FILE, and joins every connection with one to the Unix socket SOCKET. Each direction is closed
 * when its own end is reached.
 *
 * It is text, written to a file where it is started: it is a process of its own, and a bundled command has no other files
 * beside it.
 */
export const FORWARDER_PROGRAM = `'use strict';
const { renameSync, writeFileSync } = require('node:fs');
const net = require('node:net');

const [socketPath, port, portFile] = process.argv.slice(2);

const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
  const target = net.connect({ path: socketPath, allowHalfOpen: true });
  const endBoth = () => {
    client.destroy();
    target.destroy();
  };
  client.on('error', endBoth);
  target.on('error', endBoth);
  // A side that is gone without an orderly end (reset, killed) takes the other along.
  client.on('close', () => target.destroySoon());
  target.on('close', () => client.destroySoon());
  client.pipe(target);
  target.pipe(client);
});

server.on('error', (error) => {
  console.error('cannot listen on 127.0.0.1:' + port + ': ' + error.message);
  process.exit(1);
});
server.listen(Number(port), '127.0.0.1', () => {
  writeFileSync(portFile + '.tmp', String(server.address().port));
  renameSync(portFile + '.tmp', portFile);
});
`;

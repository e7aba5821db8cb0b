// forwarder.js SOCKET PORT PORT_FILE: listens on 127.0.0.1:PORT (0: any free one), writes the port it got to PORT_FILE,
// and joins every connection with one to the Unix socket SOCKET. Each direction is closed when its own end is reached.
// @ts-check
'use strict';
const { renameSync, writeFileSync } = require('node:fs');
const net = require('node:net');

const [socketPath = '', port = '0', portFile = ''] = process.argv.slice(2);

const server = net.createServer({ allowHalfOpen: true }, (client) => {
  const target = net.connect({ path: socketPath, allowHalfOpen: true });
  const endBoth = () => {
    client.destroy();
    target.destroy();
  };
  for (const socket of [client, target]) {
    socket.setNoDelay?.(true);
    socket.on('error', endBoth);
  }
  // A side that is gone without an orderly end (reset, killed) takes the other along.
  client.on('close', () => target.destroySoon());
  target.on('close', () => client.destroySoon());
  client.pipe(target);
  target.pipe(client);
});

server.on('error', (error) => {
  console.error(`cannot listen on 127.0.0.1:${port}: ${error.message}`);
  process.exit(1);
});
server.listen(Number(port), '127.0.0.1', () => {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not a TCP address');
  writeFileSync(`${portFile}.tmp`, String(address.port));
  renameSync(`${portFile}.tmp`, portFile);
});

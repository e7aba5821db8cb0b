import { openSockets } from './open-sockets';

/**
 * Started by the attach daemon inside a container's network namespace, which the daemon itself cannot enter: binds the sockets
 * of a name server there on the address and port that it is given, hands them over, and ends when the daemon has them.
 */
async function main([address = '', port]: readonly string[]): Promise<void> {
  const { udp, tcp } = await openSockets(address, Number(port));
  process.send?.('udp', udp);
  process.send?.('tcp', tcp);
  process.once('disconnect', () => process.exit(0));
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});

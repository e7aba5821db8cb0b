import { createSocket } from 'node:dgram';
import { createServer, type AddressInfo } from 'node:net';
import type { ProbeTarget } from '@heddle/model';
import { freePort } from '@heddle/host';
import { probeAll } from './probe';

const address = '127.0.0.1';
const probe = async (protocol: 'tcp' | 'udp', port: number, at = address) =>
  (await probeAll([{ address: at, protocol, port }], 300))[0];

describe('probeAll', () => {
  it('finds a TCP port open that accepts, and one that refuses: packets went both ways', async () => {
    const server = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => server.listen(0, address, () => resolve()));
    const { port } = server.address() as AddressInfo;
    expect(await probe('tcp', port)).toMatchObject({ address, protocol: 'tcp', port, outcome: 'open' });
    await new Promise((resolve) => server.close(resolve));
    expect(await probe('tcp', port)).toMatchObject({ outcome: 'open', detail: 'refused by the target' });
  });

  it('finds a UDP port open that echoes, and one that is unreachable; silence is closed', async () => {
    const echo = createSocket('udp4');
    echo.on('message', (message, from) => echo.send(message, from.port, from.address));
    await new Promise<void>((resolve) => echo.bind(0, address, () => resolve()));
    expect(await probe('udp', echo.address().port)).toMatchObject({ outcome: 'open' });
    echo.removeAllListeners('message');
    expect(await probe('udp', echo.address().port)).toMatchObject({ outcome: 'closed', detail: 'no answer' });
    echo.close();
    expect(await probe('udp', await freePort())).toMatchObject({
      outcome: 'open',
      detail: 'refused by the target',
    });
  });

  it('answers for many targets in their order, each within its own time', async () => {
    const port = await freePort();
    const silent = createSocket('udp4');
    await new Promise<void>((resolve) => silent.bind(0, address, () => resolve()));
    const targets = Array.from({ length: 150 }, (_, i): ProbeTarget =>
      i % 2 ? { address, protocol: 'tcp', port } : { address, protocol: 'udp', port: silent.address().port },
    );
    const results = await probeAll(targets, 200);
    expect(results.map(({ protocol, outcome }) => `${protocol} ${outcome}`)).toEqual(
      targets.map(({ protocol }) => (protocol === 'tcp' ? 'tcp open' : 'udp closed')),
    );
    expect(results.every((r) => r.milliseconds < 5_000)).toBe(true);
    silent.close();
  });
});

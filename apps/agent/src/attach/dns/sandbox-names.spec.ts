import { createSocket, type Socket } from 'node:dgram';
import { connect } from 'node:net';
import packet from 'dns-packet';
import { FakeClock, waitFor } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import { openSockets, type DnsSockets } from './open-sockets';
import { SandboxNames } from './sandbox-names';

const LOOPBACK = '127.0.0.1';
const ONE = { sandbox: '/run/netns/1', tenant: 'acme' };
const TWO = { sandbox: '/run/netns/2', tenant: 'blue' };

describe('SandboxNames', () => {
  const clock = new FakeClock();
  let names: SandboxNames;
  let errors: string[];
  let said: string[];
  let sockets: Map<string, DnsSockets>;
  let there: Set<string>;
  let failing: string[];

  beforeEach(() => {
    [errors, said, failing] = [[], [], []];
    sockets = new Map();
    there = new Set([ONE.sandbox, TWO.sandbox]);
    names = new SandboxNames({
      sockets: {
        open: async (sandbox) => {
          said.push(`open ${sandbox}`);
          const failure = failing.shift();
          if (failure) throw new HeddleError('unavailable', failure);
          const opened = await openSockets(LOOPBACK, 0);
          sockets.set(sandbox, opened);
          return opened;
        },
        forget: async (sandbox) => void said.push(`forget ${sandbox}`),
      },
      names: () => new Map([['acme/shop/api', ['10.32.0.7']]]),
      exists: async (sandbox) => there.has(sandbox),
      onError: (error) => errors.push(error.message),
      clock,
    });
  });
  afterEach(() => names.close());

  const until = (...open: string[]) =>
    waitFor(() => names.open.join() === open.join(), { deadlineMs: 5_000, what: `names in ${open.join()}` });
  async function ask(sandbox: string): Promise<string | undefined> {
    const client: Socket = createSocket('udp4');
    try {
      const reply = new Promise<Buffer>((resolve) => client.once('message', resolve));
      const question = { name: 'api.shop.acme.heddle', type: 'A', class: 'IN' } as const;
      const { port } = (sockets.get(sandbox) as DnsSockets).udp.address();
      client.send(packet.encode({ id: 1, type: 'query', questions: [question] }), port, LOOPBACK);
      const { answers = [], rcode } = packet.decode(await reply) as packet.DecodedPacket & { rcode?: string };
      return answers[0]?.type === 'A' ? answers[0].data : rcode;
    } finally {
      client.close();
    }
  }

  it('answers in each container with the names of its own tenant', async () => {
    names.keep([ONE, TWO]);
    await until(ONE.sandbox, TWO.sandbox);
    expect(await ask(ONE.sandbox)).toBe('10.32.0.7');
    expect(await ask(TWO.sandbox)).toBe('NXDOMAIN');
    names.keep([ONE, TWO]);
    names.add(ONE);
    expect(said).toEqual([`open ${ONE.sandbox}`, `open ${TWO.sandbox}`]);
  });

  it('waits for the namespace of a container, and opens nothing when that does not come', async () => {
    there.delete(ONE.sandbox);
    names.keep([ONE]);
    await waitFor(() => clock.pendingTimers === 1, { deadlineMs: 5_000, what: 'it to wait' });
    await clock.advance(10);
    expect(said).toEqual([]);
    there.add(ONE.sandbox);
    await clock.advance(10);
    await until(ONE.sandbox);
    there.delete(TWO.sandbox);
    names.keep([ONE, TWO]);
    await waitFor(() => clock.pendingTimers === 1, { deadlineMs: 5_000, what: 'it to wait' });
    names.keep([ONE]);
    await clock.advance(10);
    expect(clock.pendingTimers).toBe(0);
    names.keep([ONE, TWO]);
    await waitFor(() => clock.pendingTimers === 1, { deadlineMs: 5_000, what: 'it to wait' });
    for (let waited = 0; waited <= 30_000; waited += 10) await clock.advance(10);
    expect(errors).toEqual([`there is no network namespace at ${TWO.sandbox}`]);
    expect(said).toEqual([`open ${ONE.sandbox}`]);
  });

  it('opens one for a container with several interfaces', async () => {
    names.keep([ONE, { ...TWO, sandbox: ONE.sandbox }]);
    await until(ONE.sandbox);
    expect(await ask(ONE.sandbox)).toBe('10.32.0.7');
  });

  it('closes its sockets when the container goes, and clears up where only the interface went', async () => {
    names.keep([ONE, TWO]);
    await until(ONE.sandbox, TWO.sandbox);
    const closed = [ONE, TWO].map(({ sandbox }) => {
      const { udp, tcp } = sockets.get(sandbox) as DnsSockets;
      return Promise.all(
        [udp, tcp].map((socket) => new Promise<void>((resolve) => socket.once('close', () => resolve()))),
      );
    });
    there.delete(ONE.sandbox);
    names.keep([]);
    await Promise.all(closed);
    await waitFor(() => said.at(-1) === `forget ${TWO.sandbox}`, { deadlineMs: 5_000, what: 'it to be cleared up' });
    expect(said).not.toContain(`forget ${ONE.sandbox}`);
    expect(names.open).toEqual([]);
  });

  it('tells that it failed, and tries again, each time later', async () => {
    failing = ['first', 'second'];
    names.keep([ONE]);
    await waitFor(() => errors.length === 1, { deadlineMs: 5_000, what: 'the failure' });
    await clock.advance(1_000);
    await waitFor(() => errors.length === 2, { deadlineMs: 5_000, what: 'the second failure' });
    await clock.advance(1_000);
    expect(said).toHaveLength(2);
    await clock.advance(1_000);
    await until(ONE.sandbox);
    expect(errors).toEqual(['first', 'second']);
    names.close();
    expect(clock.pendingTimers).toBe(0);
  });

  it('tries no more for a container that went, and leaves no socket that was opened late', async () => {
    failing = ['no'];
    names.keep([ONE]);
    await waitFor(() => errors.length === 1, { deadlineMs: 5_000, what: 'the failure' });
    names.keep([]);
    expect(clock.pendingTimers).toBe(0);
    names.keep([TWO]);
    names.keep([]);
    await waitFor(() => said.at(-1) === `forget ${TWO.sandbox}`, { deadlineMs: 5_000, what: 'it to be cleared up' });
    const late = sockets.get(TWO.sandbox);
    if (late) expect(late.tcp.listening).toBe(false);
    expect(names.open).toEqual([]);
  });

  it('opens anew what went and came back, after the first was cleared up', async () => {
    names.keep([ONE]);
    await until(ONE.sandbox);
    names.keep([]);
    names.keep([ONE]);
    await until(ONE.sandbox);
    expect(said).toEqual([`open ${ONE.sandbox}`, `forget ${ONE.sandbox}`, `open ${ONE.sandbox}`]);
    // Another tenant's interface is the first one now.
    names.keep([{ ...ONE, tenant: 'blue' }]);
    await waitFor(() => said.length === 4 && names.open.length === 1, { deadlineMs: 5_000, what: 'new sockets' });
    expect(await ask(ONE.sandbox)).toBe('NXDOMAIN');
  });

  it('lets go of a namespace when it is told to, and opens what is still to be kept again', async () => {
    names.keep([ONE]);
    await until(ONE.sandbox);
    const { udp, tcp } = sockets.get(ONE.sandbox) as DnsSockets;
    let closed = 0;
    for (const socket of [udp, tcp]) socket.once('close', () => (closed += 1));
    await names.release(ONE.sandbox);
    expect([closed, names.open]).toEqual([2, []]);
    names.keep([ONE]);
    await until(ONE.sandbox);
    names.add(TWO);
    await names.release(TWO.sandbox);
    expect(sockets.get(TWO.sandbox)?.tcp.listening ?? false).toBe(false);
    await names.release('/run/netns/none');
    names.keep([ONE]);
    await waitFor(() => said.at(-1) === `forget ${TWO.sandbox}`, { deadlineMs: 5_000, what: 'it to be cleared up' });
  });

  it('is asked over TCP as well', async () => {
    names.keep([ONE]);
    await until(ONE.sandbox);
    const { port } = (sockets.get(ONE.sandbox) as DnsSockets).udp.address();
    const client = connect(port, LOOPBACK);
    await new Promise<void>((resolve) => client.once('connect', () => resolve()));
    client.destroy();
  });
});

import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ContainerSpec, DockerEngine } from '@heddle/docker';
import { waitFor } from '@heddle/host';
import { describeRoot, TestCluster } from './cluster';
import { containerOf, containersOf, pick, routed, wireOf, type Container } from './net/containers';
import { macOf, ping, tcpSyn, udp } from './net/frames';
import type { Wire } from './net/wire';
import { WAYS, type Way } from './ways';

const applicationOn = ({ objects, domain }: Way): string => `${objects}
kind: Tenant
metadata: { name: acme }
---
kind: App
metadata: { tenant: acme, name: gate }
spec:
  domain: ${domain}
  services:
    friend: { image: heddle/demo, replicas: 2 }
    foe: { image: heddle/demo, replicas: 2 }
    target: { image: heddle/demo, replicas: 2, ports: { web: 8080, echo: { port: 8080, protocol: udp } } }
  connect:
    - { from: friend, to: target, port: web }
    - { from: friend, to: target, port: echo }
`;

/** How many containers are started under fire. */
const STARTS = Number(process.env['HEDDLE_FIRST_PACKET_STARTS'] ?? 50);
const CONTROL_STARTS = Math.max(4, Math.ceil(STARTS / 25));
const OWN_STARTS = Math.max(6, Math.ceil(STARTS / 10));
const HOSTS = ['h1', 'h2'];
const PORT = 8080;
const EVERY_MS = 2;
/** Sent to the address before the container is even created. */
const ROUNDS_BEFORE = 15;
/** Under fire after the engine says that the container runs. */
const AFTER_START_MS = 100;
/** Per start, on a machine with more to do. */
const START_MS = 3_000;

describeRoot.each(WAYS)('the first packet of a container ($name)', (way) => {
  let cluster: TestCluster;
  let containers: Container[];
  const engines = new Map<string, DockerEngine>();
  const wires = new Map<string, Wire>();

  beforeAll(async () => {
    cluster = await TestCluster.start('fst', HOSTS.length);
    await cluster.api.applyAndSettle(applicationOn(way));
    containers = await containersOf(cluster, 'acme/gate');
    for (const host of HOSTS) engines.set(host, await cluster.engine(host));
    for (const container of containers) wires.set(container.id, await wireOf(container));
  }, 120_000);
  afterAll(async () => {
    await Promise.all([...wires.values()].map((wire) => wire.close()));
    for (const engine of engines.values()) engine.close();
    await cluster?.stop();
  }, 60_000);

  it(
    `does not arrive where no contract lets it: ${STARTS} starts under fire`,
    async () => {
      const { counts, fired } = await underFire('foe', STARTS);
      expect(counts).toEqual(counts.map(() => 0));
      // The fire was there, from both hosts, all the time.
      for (const frames of fired) expect(frames).toBeGreaterThan(STARTS * ROUNDS_BEFORE);
    },
    60_000 + STARTS * START_MS,
  );

  it(
    'arrives where one does, by the same count',
    async () => {
      const { counts } = await underFire('friend', CONTROL_STARTS);
      expect(counts.map((n) => n > 0)).toEqual(counts.map(() => true));
    },
    60_000 + CONTROL_STARTS * START_MS,
  );

  it(
    'reaches from its first instruction whom the contracts name, and nobody else',
    async () => {
      const attempts = Array.from({ length: OWN_STARTS }, (_, i) => ({
        name: `own-${i}`,
        host: HOSTS[i % 2] as string,
        // Every combination of the same and the other host, the forbidden first and the permitted first.
        foe: pick(containers, 'foe', HOSTS[(i >> 1) % 2] as string),
        target: pick(containers, 'target', HOSTS[(i >> 1) % 2] as string),
        foeFirst: (i >> 2) % 2 === 0,
      }));
      const seen = await Promise.all(
        HOSTS.map((host) =>
          inTurn(
            attempts.filter((a) => a.host === host),
            tryOut,
          ),
        ),
      );
      expect(seen.flat()).toEqual(attempts.map(() => ({ permitted: true, forbidden: 0 })));
    },
    60_000 + OWN_STARTS * START_MS,
  );

  interface OwnAttempt {
    readonly name: string;
    readonly host: string;
    readonly foe: Container;
    readonly target: Container;
    readonly foeFirst: boolean;
  }

  /** Starts a container that speaks to both at once, and looks what of it arrived at either. */
  async function tryOut({
    name,
    host,
    foe,
    target,
    foeFirst,
  }: OwnAttempt): Promise<{ permitted: boolean; forbidden: number }> {
    // A start on one host may cost the switches (OVS 3.1 in user space) a packet between hosts: the permitted one is sent again.
    const words = [`nc -w 1 ${foe.address} ${PORT} </dev/null`, `nc -w 4 ${target.address} ${PORT} </dev/null`];
    if (!foeFirst) words.reverse();
    const script = [...words, 'exec sleep 300'].join('; ');
    const { container, remove } = await start(host, name, 'friend', { command: ['/bin/sh', '-c', script] });
    const from = (wire: Wire | undefined): number =>
      wire?.received.filter((f) => f.readUInt16BE(12) === 0x0800 && f.readUInt32BE(26) === number(container.address))
        .length ?? -1;
    await waitFor(() => from(wires.get(target.id)) > 0, { deadlineMs: 5_000, what: `${name} at its target` });
    // When the forbidden one comes second, it is tried for a second.
    if (!foeFirst) await sleep(1_000);
    const outcome = { permitted: from(wires.get(target.id)) > 0, forbidden: from(wires.get(foe.id)) };
    await remove();
    return outcome;
  }

  /**
   * Starts containers one after the other on every host, while all senders of an EPG fire at the address that each is going to
   * have. A container is silent, and its interface was made for it, so the kernel's counter of that interface is the number of
   * packets that were ever let through to it.
   */
  async function underFire(service: string, starts: number): Promise<{ counts: number[]; fired: number[] }> {
    const senders = HOSTS.map((host) => pick(containers, service, host));
    const aims = new Map<string, string>();
    const sentBefore = await Promise.all(senders.map((s) => sentBy(s)));
    const volleys = HOSTS.map(() => 0);
    const stopFire = senders.map((sender, i) => {
      const wire = wires.get(sender.id) as Wire;
      const timer = setInterval(() => {
        for (const address of aims.values()) wire.send(...volley(sender, address));
        volleys[i] = (volleys[i] as number) + 1;
      }, EVERY_MS);
      return () => clearInterval(timer);
    });
    try {
      const counts = await Promise.all(
        HOSTS.map(async (host, h) => {
          const share = Math.floor(starts / HOSTS.length) + (h < starts % HOSTS.length ? 1 : 0);
          const received: number[] = [];
          for (let i = 0; i < share; i++) {
            const address = await freeAddress(host);
            aims.set(host, address);
            const before = [...volleys];
            while (volleys.some((n, v) => n - (before[v] as number) < ROUNDS_BEFORE)) await sleep(EVERY_MS);
            const { container, remove } = await start(host, `${service}-${i}`, 'target', { address });
            await sleep(AFTER_START_MS);
            received.push(await receivedBy(container));
            aims.delete(host);
            await remove();
            rested.set(address, Date.now() + REST_MS);
          }
          return received;
        }),
      );
      const sentAfter = await Promise.all(senders.map((s) => sentBy(s)));
      return { counts: counts.flat(), fired: sentAfter.map((n, i) => n - (sentBefore[i] as number)) };
    } finally {
      for (const stop of stopFire) stop();
    }
  }
  /** An address is not given out again for half a minute; the block of a host has 62. */
  const REST_MS = 31_000;
  const rested = new Map<string, number>();

  async function freeAddress(host: string): Promise<string> {
    const [own] = containers.filter((c) => c.host === host).map((c) => c.address);
    const octets = (own ?? '').split('.').map(Number);
    const block = octets.slice(0, 3).join('.');
    const first = (octets[3] as number) & ~63;
    const candidates = Array.from({ length: 40 }, (_, i) => `${block}.${first + 20 + i}`);
    for (;;) {
      const free = candidates.find((address) => (rested.get(address) ?? 0) < Date.now());
      if (free !== undefined) return free;
      await sleep(100);
    }
  }

  async function start(
    host: string,
    name: string,
    service: string,
    { address, command }: { address?: string; command?: string[] },
  ): Promise<{ container: Container; remove: () => Promise<void> }> {
    const engine = engines.get(host) as DockerEngine;
    const epg = `acme/gate/${service}`;
    const spec: ContainerSpec = {
      name,
      image: 'heddle/demo',
      command: command ?? ['/bin/sleep', '300'],
      network: {
        name: 'heddle.acme.default',
        ...(address === undefined ? {} : { ipv4Address: address }),
        driverOpts: { 'heddle.epg': epg },
      },
      resources: { cpu: 0.1, memoryBytes: 16 * 1024 ** 2, pids: 16 },
      init: false,
    };
    const id = await engine.createContainer(spec);
    await engine.start(id);
    return {
      container: await containerOf(cluster, host, id, epg),
      remove: () => engine.remove(id, { force: true }),
    };
  }

  /** One of each kind, straight to the address that the container will have and by way of the gateway. */
  function volley(sender: Container, destination: string): Buffer[] {
    const addresses = { source: sender.address, destination };
    const ports = { sourcePort: 30_000, destinationPort: PORT };
    return [{ from: sender.mac, to: macOf(destination) }, routed(sender)].flatMap((link) => [
      udp(link, addresses, ports, 'fire'),
      tcpSyn(link, addresses, ports),
      ping(link, addresses, 'fire'),
    ]);
  }

  const receivedBy = (container: Container): Promise<number> => counter(container, 1);
  const sentBy = (container: Container): Promise<number> => counter(container, 9);

  /** A figure of the container's interface in /proc/net/dev: packets received are the second, packets sent the tenth. */
  async function counter({ pid, id }: Container, figure: number): Promise<number> {
    const text = await readFile(`/proc/${pid}/net/dev`, 'utf8');
    const line = text.split('\n').find((l) => l.includes('eth0:'));
    const value = Number(line?.split(':')[1]?.trim().split(/\s+/)[figure]);
    if (!Number.isInteger(value)) throw new Error(`no counter of ${id} in ${text}`);
    return value;
  }
});

/** One after the other. */
async function inTurn<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) results.push(await work(item));
  return results;
}

const number = (address: string): number => address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);

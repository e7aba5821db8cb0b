import { HeddleError } from '@heddle/model';
import type { Bench, BenchContext } from '../bench';
import { file } from '../lab/application';
import { BenchLab } from '../lab/bench-lab';
import { measured } from '../measures';
import { Stream } from './stream';

const REPEATS = 10;
const PORT = 8080;
const TIERS = {
  client: { replicas: 1, port: PORT, host: 'h1', serves: false },
  server: { replicas: 1, port: PORT, host: 'h2', serves: false },
} as const;
const OPEN = file({ policy: TIERS }, true);
const CLOSED = file({ policy: TIERS }, false);
const SAYS_MS = 20_000;

/**
 * A connection between two hosts on which only the server sends, every millisecond. Its contract is revoked, and the last
 * byte that arrives tells when that took effect; then it is granted, and the first byte of a client that keeps trying
 * tells.
 */
export const policy: Bench = async (context) => {
  const lab = await BenchLab.up(2, context);
  try {
    await lab.apply(OPEN);
    const samples = await follow(lab, context);
    const of = (part: keyof Sample): number[] => samples.map((sample) => sample[part]);
    return {
      measures: [
        measured('revocation: last byte, after acceptance', 'ms', of('revoked')),
        measured('revocation: last byte, after the request', 'ms', of('revokedSinceRequest')),
        measured('grant: first byte, after acceptance', 'ms', of('granted')),
        measured('grant: first byte, after the request', 'ms', of('grantedSinceRequest')),
      ],
      conditions: { hosts: 2, repeats: REPEATS },
    };
  } finally {
    await lab.down();
  }
};

/** Milliseconds. Acceptance is the time that the log has for the change. */
interface Sample {
  readonly revoked: number;
  readonly revokedSinceRequest: number;
  readonly granted: number;
  readonly grantedSinceRequest: number;
}

async function follow(lab: BenchLab, { signal, log }: BenchContext): Promise<Sample[]> {
  const [client, server] = await Promise.all([instance(lab, 'h1'), instance(lab, 'h2')]);
  const sender = Stream.inNamespaceOf(server.pid, 'send', String(PORT));
  const receive = (): Stream => Stream.inNamespaceOf(client.pid, 'receive', server.address, String(PORT));
  let receiver = receive();
  try {
    await sender.says('ready', SAYS_MS);
    await receiver.says('first', SAYS_MS);
    const samples: Sample[] = [];
    for (let i = 1; i <= REPEATS; i++) {
      signal.throwIfAborted();
      const revocation = await change(lab, CLOSED);
      const last = await receiver.says('last', SAYS_MS);
      await receiver.end();
      receiver = receive();
      const grant = await change(lab, OPEN);
      const first = await receiver.says('first', SAYS_MS);
      samples.push({
        revoked: last - revocation.accepted,
        revokedSinceRequest: last - revocation.sent,
        granted: first - grant.accepted,
        grantedSinceRequest: first - grant.sent,
      });
      log(`${i} of ${REPEATS}: revoked in ${Math.round(last - revocation.accepted)} ms`);
    }
    return samples;
  } finally {
    await Promise.all([sender.end(), receiver.end()]);
  }
}

/** Applies a file and waits until it is settled. Gives the times at which it was sent and accepted. */
async function change(lab: BenchLab, objects: string): Promise<{ sent: number; accepted: number }> {
  const sent = Date.now();
  await lab.apply(objects);
  const [latest] = await lab.api.history({ limit: 1 });
  if (!latest) throw new HeddleError('internal', 'the history does not have the change that was just applied');
  return { sent, accepted: Date.parse(latest.at) };
}

/** The one container that runs on a host. */
async function instance(lab: BenchLab, host: string): Promise<{ pid: number; address: string }> {
  const engine = await lab.engine(host);
  const [container] = await engine.list();
  const { pid, networks } = await engine.inspect(container?.id ?? 'none');
  const address = Object.values(networks)[0]?.ipv4Address;
  if (pid === undefined || address === undefined)
    throw new HeddleError('internal', `the container on ${host} does not run`);
  return { pid, address };
}
